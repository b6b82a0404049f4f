"""What is wrong with figures, and the rows that were left out."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from hub_core.cli.output import AsJson, Home, as_json, opened, say, table

app = typer.Typer(no_args_is_help=True)
Province = Annotated[str | None, typer.Option(help="Only this province.")]
Period = Annotated[str | None, typer.Option(help="Only this period.")]


def _where(province: str | None, period: str | None) -> dict[str, str | int]:
    return {name: value for name, value in (("province", province), ("period", period)) if value}


@app.command("list")
def list_(home: Home = Path(), province: Province = None, period: Period = None, json: AsJson = False) -> None:
    """Findings by rule, with an example each; the rule's words in Vietnamese and English."""
    with opened(home) as hub:
        found = hub.store.findings(**_where(province, period))
    if json:
        as_json(found)
        return
    columns = ["code", "severity", "province", "period", "rows", "what", "example", "where"]
    rows = [
        (
            f["code"],
            f["severity"],
            f["province"],
            f["period"] and f"{f['period']} r{f['revision']}",
            f["rows"],
            f["vi"],
            f["text"],
            _place(f["place"]),
        )
        for f in found
    ]
    table("Findings", columns, rows, right=["rows"])


def _place(place: dict[str, Any]) -> str:
    if "locator" in place:
        return str(place["locator"])
    return ", ".join(f"{name} {value}" for name, value in place.items() if value not in (None, ""))


@app.command("quarantine")
def quarantine(
    home: Home = Path(),
    province: Province = None,
    period: Period = None,
    export: Annotated[Path | None, typer.Option(help="Write the rows to this CSV file.")] = None,
    json: AsJson = False,
) -> None:
    """The rows that were not admitted, each with its reason, its text and where it stands."""
    from hub_core.pipeline.quarantine import quarantined_rows

    with opened(home, children=1) as hub:
        rows = quarantined_rows(hub, province, period)
    columns = ["province", "provision", "period", "revision", "code", "field", "text", "locator", "vi", "en"]
    if export is not None:
        with export.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows([_harmless(row[name]) for name in columns] for row in rows)
        say(f"{len(rows)} rows in {export}")
    elif json:
        as_json(rows)
    else:
        shown = [name for name in columns if name != "en"]
        table("Quarantine", shown, [[row[name] for name in shown] for row in rows])
    sys.exit(0)


def _harmless(value: object) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
