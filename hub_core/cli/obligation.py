"""What is owed by whom, by when, and whether it came."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import AsJson, Home, Now, as_json, in_vietnam, moment, opened, say, table

if TYPE_CHECKING:
    from datetime import datetime

    from hub_core.home import Hub
    from hub_core.model.period import Period
    from hub_core.obligations import Due

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(
    dataflow: Annotated[str | None, typer.Option(help="Only this dataflow.")] = None,
    period: Annotated[
        list[str] | None, typer.Option(help="A period; the last ended ones where left out.")
    ] = None,
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """List obligations by period: met, late, nil, held, missing, or still open."""
    from hub_core.model.period import Period

    at = moment(now)
    try:
        requested_periods = [Period.parse(label) for label in period or []]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with opened(home) as hub:
        rows = _rows(hub, dataflow, requested_periods, at)
    columns = [
        "dataflow",
        "period",
        "provider",
        "speaks for",
        "due",
        "state",
        "came",
        "due rule",
        "legal ground",
    ]
    if json:
        as_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table("Obligations", columns[:-2], [row[:-2] for row in rows])


def _rows(
    hub: Hub, dataflow: str | None, requested_periods: list[Period], at: datetime
) -> list[tuple[object, ...]]:
    from hub_core.model.period import latest
    from hub_core.obligations import business_date, check_frequency, due

    if dataflow:
        requested_periods = [
            check_frequency(hub.config, dataflow, requested) for requested in requested_periods
        ]
    rows = []
    for name, flow in sorted(hub.config.catalogue.dataflows.items()):
        if dataflow and name != dataflow:
            continue
        periods = requested_periods or [
            latest(frequency, flow.calendar, business_date(at)) for frequency in flow.frequencies
        ]
        submissions = hub.store.submissions(dataflow=name)
        for one_period in periods:
            duties = due(hub.config, name, one_period, submissions, at)
            rows += [_row(name, duty) for duty in duties]
    return rows


def _row(dataflow: str, duty: Due) -> tuple[object, ...]:
    obligation = duty.obligation
    return (
        dataflow,
        str(duty.period),
        obligation.provider,
        " ".join(obligation.speaks_for),
        str(duty.due),
        duty.state,
        in_vietnam(duty.came_at),
        obligation.due[duty.period.frequency],  # type: ignore[index]  # it has a rule for each it owes
        obligation.legal,
    )


@app.command("nil")
def nil(
    dataflow: Annotated[str, typer.Argument(help="The dataflow, for example TELECOM.")],
    period: Annotated[str, typer.Argument(help="The period, for example 2026-Q3.")],
    provider: Annotated[
        str, typer.Option(help="Who has nothing to report, for example HA_TINH.SKHCN.")
    ],
    by: Annotated[str, typer.Option(help="Who says so: a name and an office.")],
    why: Annotated[str, typer.Option(help="Why, and by which letter.")],
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """State that a provider has nothing to report for a period, with who says so and why."""
    from hub_core.model.period import Period
    from hub_core.pipeline.nil import state_nil

    if not by.strip() or not why.strip():
        raise typer.BadParameter("say who and why")
    try:
        label = str(Period.parse(period))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    at = moment(now)
    with opened(home) as hub, hub.alone(at):
        admitted = state_nil(hub, dataflow, label, provider, by.strip(), why.strip(), at)
    outcome = {
        "dataflow": dataflow,
        "period": label,
        "provider": provider,
        "revision": admitted.revision,
    }
    if json:
        as_json(outcome)
    elif admitted.revision is None:
        say(f"{provider} had said so before; nothing changed.")
    else:
        say(
            f"{provider} has nothing to report in {dataflow} for {label}: revision {admitted.revision}, by {by}."
        )
