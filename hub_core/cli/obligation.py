"""What is owed by whom, by when, and whether it came."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub_core.cli.output import AsJson, Home, Now, as_json, in_vietnam, moment, opened, say, table

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
    """Obligations by period: met, late, nil, held, missing, or still open."""
    from hub_core.model.period import Period, latest
    from hub_core.obligations import business_date, check_frequency, due

    at = moment(now)
    try:
        asked = [Period.parse(label) for label in period or []]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    rows = []
    with opened(home) as hub:
        if dataflow:
            asked = [check_frequency(hub.config, dataflow, each) for each in asked]
        for name, flow in sorted(hub.config.catalogue.dataflows.items()):
            if dataflow and name != dataflow:
                continue
            wanted = asked or [
                latest(frequency, flow.calendar, business_date(at))
                for frequency in flow.frequencies
            ]
            there = hub.store.submissions(dataflow=name)
            for each in (each for one in wanted for each in due(hub.config, name, one, there, at)):
                duty = each.obligation
                units = " ".join(duty.speaks_for)
                came = in_vietnam(each.came_at)
                rule = duty.due[each.period.frequency]  # type: ignore[index]  # it has a rule for each it owes
                told = (
                    name,
                    str(each.period),
                    duty.provider,
                    units,
                    str(each.due),
                    each.state,
                    came,
                )
                rows.append((*told, rule, duty.legal))
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
    told = {
        "dataflow": dataflow,
        "period": label,
        "provider": provider,
        "revision": admitted.revision,
    }
    if json:
        as_json(told)
    elif admitted.revision is None:
        say(f"{provider} had said so before; nothing changed.")
    else:
        say(
            f"{provider} has nothing to report in {dataflow} for {label}: revision {admitted.revision}, by {by}."
        )
