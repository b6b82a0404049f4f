"""``hub backfill``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hub_core.cli.journeys import (
    Provinces,
    checked,
    code_of,
    show_deliveries,
    show_gathers,
    show_releases,
)
from hub_core.cli.output import AsJson, Home, Now, as_json, moment, opened, progress, say


def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="The first period, like 2024-M01.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="The last one, of the same frequency.")],
    release: Annotated[
        bool, typer.Option("--release", help="Freeze and deliver what is there, too.")
    ] = False,
    province: Provinces = None,
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Ask for older periods, one after another; cut off, it goes on where it was."""
    from hub_core.model.period import Period

    ends = checked([first, last]) or []
    at = moment(now)
    with opened(home, children=1) as hub, hub.alone(at), progress(quiet=json) as report:
        from hub_core.pipeline.backfill import backfill as fill

        backfill_report = fill(
            hub, Period.parse(ends[0]), Period.parse(ends[1]), at, report, province, release=release
        )
        broken = dict(hub.broken)
    if json:
        as_json(backfill_report)
    else:
        show_gathers(backfill_report.gathers, broken)
        if release:
            show_releases(backfill_report.releases)
            show_deliveries(backfill_report.deliveries)
        say(
            f"{len(backfill_report.periods)} periods, {backfill_report.before} of them were there before."
        )
    sys.exit(code_of(backfill_report.gathers, broken, backfill_report.releases))
