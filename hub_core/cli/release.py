"""Consolidated feeds: what they hold, and what the ministry answered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub_core.cli.output import AsJson, Home, as_json, opened, say, table

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A release: TELECOM/2026-M10 (its last version) or TELECOM/2026-M10/v1.")]


@app.command("list")
def list_(home: Home = Path(), json: AsJson = False) -> None:
    """All releases with their states and deliveries."""
    with opened(home) as hub:
        found = [
            {
                "release": each.name,
                "state": each.state,
                "reason": each.reason,
                "frozen_at": each.frozen_at,
                "reporters": each.manifest.coverage["reporters"],
                "deliveries": {d["recipient"]: d["state"] for d in hub.releases.deliveries(release_id=each.id)},
            }
            for each in hub.releases.all()
        ]
    if json:
        as_json(found)
    else:
        rows = [(r["release"], r["state"], r["reason"], r["reporters"], _states(r["deliveries"])) for r in found]
        table("Releases", ["release", "state", "reason", "reporters", "deliveries"], rows)


def _states(deliveries: object) -> str:
    return ", ".join(f"{recipient} {state}" for recipient, state in dict(deliveries).items())  # type: ignore[call-overload]


@app.command("show")
def show(release: Name, home: Home = Path(), json: AsJson = False) -> None:
    """A release's figures, reporters and receipts."""
    from hub_core.pipeline.document import document

    with opened(home) as hub:
        found = hub.releases.named(release)
        told = document(hub, found)
        receipts = {
            d["id"]: [r["answer"] for r in hub.releases.receipts(d["id"])]
            for d in hub.releases.deliveries(release_id=found.id)
        }
    if json:
        as_json({"manifest": told.manifest, "figures": told.figures, "receipts": receipts})
        return
    columns = ["indicator", "name_vi", "unit", "org_unit", "value", "status", "coverage", "method"]
    table(found.name, columns, [[each[name] for name in columns] for each in told.figures], right=["value"])
    table("Reporters", ["provider", "name", "state"], [(r["provider"], r["name"], r["state"]) for r in told.reporters])
    answers = [(d[:12], a["state"], a["reference"], a["message"]) for d, each in receipts.items() for a in each]
    table("Receipts", ["delivery", "state", "receipt", "message"], answers)


@app.command("export")
def export(
    release: Name,
    target: Annotated[Path, typer.Argument(help="A file, or a folder to put it into.")] = Path(),
    format_: Annotated[str, typer.Option("--format", help="xlsx or json.")] = "xlsx",
    home: Home = Path(),
    json: AsJson = False,
) -> None:
    """Write a release as a file to hand on."""
    from hub_core.pipeline.document import export as export_release

    with opened(home) as hub:
        path = export_release(hub, hub.releases.named(release), format_, target)
    if json:
        as_json({"file": str(path)})
    else:
        say(f"{path}")
