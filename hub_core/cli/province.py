"""The provinces' packages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import BLOCKED, DONE, AsJson, Home, Now, as_json, moment, opened, say, table

if TYPE_CHECKING:
    from hub_core.pipeline.trial import Trial

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


@app.command("try")
def try_(
    provision: Annotated[str, typer.Argument(help="PROVINCE/PROVISION, for example nghe_an/telecom.")],
    file: Annotated[Path, typer.Argument(help="A local file as the department would send it.")],
    period: Annotated[list[str] | None, typer.Option(help="A period to read; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(help="How many rows to print.", min=1)] = 50,
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Map one local file as a night would, print its figures and what is wrong with them, and store nothing."""
    from hub_core.model.period import Period
    from hub_core.pipeline.trial import try_file

    name, _, which = provision.partition("/")
    try:
        periods = [str(Period.parse(label)) for label in period or []]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with opened(home, children=1) as hub:
        trial = try_file(hub, name, which, file, periods, moment(now))
    if json:
        as_json(trial)
    else:
        _show(trial, limit)
    held = any(each["severity"] == "blocking" for each in trial.findings)
    sys.exit(BLOCKED if trial.error or trial.left or held else DONE)


def _show(trial: Trial, limit: int) -> None:
    columns = ["indicator", "org_unit", "period", "measure", "dims", "value", "status", "where"]
    if not any(row["dims"] for row in trial.figures):
        columns.remove("dims")
    if {row["measure"] for row in trial.figures} <= {"actual"}:
        columns.remove("measure")
    if trial.figures:
        rows = [[row[name] for name in columns] for row in trial.figures[:limit]]
        table(_titled("Figures", len(trial.figures), limit), columns, rows, right=["value"])
    if trial.left:
        rows = [[row["code"], row["vi"], row["text"], row["where"]] for row in trial.left[:limit]]
        table(_titled("Left out", len(trial.left), limit), ["code", "why", "text", "where"], rows)
    if trial.findings:
        rows = [[f["code"], f["severity"], f["period"], f["rows"], f["vi"], f["text"]] for f in trial.findings]
        table("Findings", ["code", "severity", "period", "rows", "what", "example"], rows, right=["rows"])
    if trial.error:
        say(f"The file is refused. {trial.error}")
        return
    counts = ", ".join(f"{number:,} {what.replace('_', ' ')}" for what, number in trial.counts.items() if number)
    say(
        *(f"{label}: a nil return." for label in trial.nil),
        *(f"{label}: no data reported." for label in trial.no_data),
        *(f"Note: {note}." for note in trial.notes),
        f"{counts or 'No rows'}. {len(trial.figures)} figures, {len(trial.left)} left out. Nothing was stored.",
    )


def _titled(title: str, count: int, limit: int) -> str:
    return title if count <= limit else f"{title}, the first {limit} of {count}"
