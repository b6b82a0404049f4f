"""What is wrong with figures, and the rows that were left out."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub_core.cli.output import AsJson, Home, as_json, opened, say, table
from hub_core.errors import StoreError

if TYPE_CHECKING:
    from hub_core.contracts import Quarantine
    from hub_core.pipeline.quarantine import Listing

app = typer.Typer(no_args_is_help=True)
Province = Annotated[str | None, typer.Option(help="Only this province.")]
Period = Annotated[str | None, typer.Option(help="Only this period.")]
_SHOWN = 1_000  # rows on the terminal
_COLUMNS = (
    "province",
    "provision",
    "period",
    "revision",
    "code",
    "field",
    "text",
    "locator",
    "vi",
    "en",
)
_BLANK = r"""(?:[^\S\t\r\n]|[\x00-\x08\x0b\x0c\x0e-\x1f"'`´‘’“”\u200b-\u200f\u2060\ufeff])"""
_FORMULA = re.compile(rf"(^|[;\t\r\n])({_BLANK}*[=+\-@＝＋－＠﹦﹢﹣﹫−])")


def _conditions(province: str | None, period: str | None) -> dict[str, str | int]:
    return {name: value for name, value in (("province", province), ("period", period)) if value}


@app.command("list")
def list_(
    home: Home = Path(), province: Province = None, period: Period = None, json: AsJson = False
) -> None:
    """List findings by rule, with an example each; the rule's words in Vietnamese and English."""
    from hub_core.pipeline.findings import with_places

    with opened(home) as hub:
        findings = with_places(hub, hub.store.findings(**_conditions(province, period)))
    if json:
        as_json(findings)
        return
    columns = ["code", "severity", "provision", "period", "rows", "what", "example", "where"]
    rows = [
        (
            f["code"],
            f["severity"],
            f"{f['province']}/{f['provision']}" if f["provision"] else f["province"],
            f["period"] and f"{f['period']} r{f['revision']}",
            f["rows"],
            f["vi"],
            f["text"],
            _place(f["place"]),
        )
        for f in findings
    ]
    table("Findings", columns, rows, right=["rows"])


def _place(place: dict[str, Any]) -> str:
    if "locator" in place:
        return str(place["locator"])
    return ", ".join(
        f"{name} {value}"
        for name, value in place.items()
        if value not in (None, "") and name != "field"
    )


@app.command("quarantine")
def quarantine(
    home: Home = Path(),
    province: Province = None,
    period: Annotated[
        str | None, typer.Option(help="Only this period; ? for rows whose period is unreadable.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1, help="At most so many rows; 1,000 on the terminal where nothing is said."
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            help="Write them: FILE.xlsx for one submission, FILE.csv for all, or a folder with a workbook for each."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """List the rows that were not admitted, each with its reason, its text and where it is."""
    from hub_core.pipeline.quarantine import export as export_workbooks
    from hub_core.pipeline.quarantine import quarantines

    as_csv = export is not None and export.suffix.lower() == ".csv" and not export.is_dir()
    row_limit = limit if export or json or limit else _SHOWN
    with opened(home, children=1) as hub:
        listing = quarantines(
            hub, province, period, limit=row_limit, cells=export is not None and not as_csv
        )
        if export is None:
            files = []
        elif as_csv:
            files = [write_csv(export, _rows(listing.quarantines))]
        else:
            files = export_workbooks(hub, listing.quarantines, export)
    if json:
        as_json({"rows": listing.listed, "files": files} if export else _rows(listing.quarantines))
        return
    _show_listing(listing, files, exported=export is not None)


def _show_listing(listing: Listing, files: list[Path], *, exported: bool) -> None:
    if not exported:
        _show_tables(listing)
    for file in files:
        say(f"{file}")
    if listing.listed < listing.rows:
        say(
            f"The first {listing.listed:,} of {listing.rows:,} rows; more with --limit, or all of them with --export."
        )
    elif exported:
        say(f"{listing.listed:,} rows")


def _show_tables(listing: Listing) -> None:
    for quarantined in listing.quarantines:
        title = f"{quarantined.province} {quarantined.provision} {quarantined.period}" + (
            f" r{quarantined.revision}" if quarantined.revision else " (period not read)"
        )
        rows = [
            [row.code, row.field, _printable(row.text), _printable(row.locator), row.why]
            for row in quarantined.rows
        ]
        table(title, ["code", "field", "text", "where", "why"], rows)
    if not listing.quarantines:
        say("Quarantine: none")


def _rows(quarantines: list[Quarantine]) -> list[dict[str, Any]]:
    return [
        {
            "province": quarantined.province,
            "provision": quarantined.provision,
            "period": quarantined.period,
            "revision": quarantined.revision,
            "code": row.code,
            "field": row.field,
            "text": row.text,
            "locator": row.locator,
            "vi": row.why,
            "en": row.why_en,
        }
        for quarantined in quarantines
        for row in quarantined.rows
    ]


def write_csv(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write the rows as CSV for a spreadsheet; return its path. Raises StoreError."""
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows([harmless(row[name]) for name in _COLUMNS] for row in rows)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path


def harmless(value: object) -> str:
    """Return a text that no spreadsheet takes for a formula, also where it splits at ; or lines.

    An apostrophe stands before what would start one, blanks, quotes and full-width signs counted.
    """
    text = "" if value is None else str(value)
    guarded = _FORMULA.sub(r"\1'\2", text)
    return "'" + guarded if guarded[:1] in ("\t", "\r") else guarded


def _printable(text: str) -> str:
    """Return a text of somebody else's on one line, without what moves a terminal."""
    return "".join(
        letter if letter.isprintable() else " " if letter.isspace() else "\N{REPLACEMENT CHARACTER}"
        for letter in text
    )
