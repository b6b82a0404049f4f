"""The provinces' packages."""

from __future__ import annotations

from pathlib import Path

import typer

from hub_core.cli.output import AsJson, Home, as_json, opened, say, table

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(home: Home = Path(), json: AsJson = False) -> None:
    """The packages found, what each reports, and those that are broken."""
    with opened(home) as hub:
        rows = [
            (name, province.name, province.kind, provision, declared.dataflow, declared.provider)
            for name, province in sorted(hub.provinces.items())
            for provision, declared in sorted(province.provisions.items())
        ]
        broken = dict(hub.broken)
    columns = ["province", "name", "kind", "provision", "dataflow", "provider"]
    if json:
        as_json({"provisions": [dict(zip(columns, row, strict=True)) for row in rows], "broken": broken})
        return
    table("Provisions", columns, rows)
    for name, what in sorted(broken.items()):
        say(f"  ! {name}: {what}")
