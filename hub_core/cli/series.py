"""``hub series``: one indicator of one org unit through time."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import AsJson, AsOf, Home, Now, as_json, moment, opened, table

if TYPE_CHECKING:
    from hub_core.pipeline.series import Point


def series(
    indicator: Annotated[str, typer.Argument(help="An indicator, like VT.03.")],
    org_unit: Annotated[str, typer.Argument(help="An org unit, like cluster-5.")],
    first: Annotated[str, typer.Option("--from", help="The first period, like 2024-Q1.")],
    last: Annotated[str, typer.Option("--to", help="The last period, of the same frequency.")],
    borders: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day of the borders; today where left out."),
    ] = None,
    home: Home = Path(),
    as_of: AsOf = None,
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Show a series in two views: as it was reported, and on today's borders.

    Where there is no figure, it says why.
    """
    from hub_core.model.period import Period
    from hub_core.obligations import business_date
    from hub_core.pipeline.series import series as points

    try:
        start, end = Period.parse(first), Period.parse(last)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if start.frequency != end.frequency or end < start:
        raise typer.BadParameter(f"{first} to {last} is no span of periods of one frequency")
    periods = [start]
    while periods[-1] != end:
        periods.append(periods[-1].shift(1))
    day = borders.date() if borders else business_date(moment(now))
    at = moment(as_of) if as_of else None
    with opened(home) as hub:
        reported = points(hub, indicator, org_unit, periods, None, at)
        today = points(hub, indicator, org_unit, periods, day, at)
    if json:
        as_json({"as_reported": reported, "on_borders_of": day, "on_borders": today})
    else:
        _show(f"{indicator} of {org_unit}", reported, today, day)


def _show(title: str, reported: list[Point], today: list[Point], day: date) -> None:
    rows = [
        (
            r.period,
            r.value,
            r.status,
            r.coverage,
            t.value,
            t.status,
            t.coverage,
            r.why if r.why == t.why else t.why or r.why,
        )
        for r, t in zip(reported, today, strict=True)
    ]
    columns = [
        "period",
        "as reported",
        "status",
        "of",
        f"on borders of {day}",
        "status",
        "of",
        "why none",
    ]
    table(title, columns, rows, right=["as reported", columns[4]])
