"""All commands in one place."""

from __future__ import annotations

import typer

from hub_core.cli import (
    backfill,
    brake,
    delivery,
    finding,
    journeys,
    look,
    obligation,
    orgunit,
    province,
    release,
    revision,
    secret,
    series,
    serve,
    setup,
    template,
    upkeep,
)

app = typer.Typer(
    name="hub",
    help="Liên Thông: from a department's cell to the ministry's receipt.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    setup.init,
    setup.check,
    setup.demo,
    journeys.gather,
    journeys.admit,
    journeys.publish,
    journeys.night,
    journeys.replay,
    backfill.backfill,
    serve.serve,
    template.template,
    look.status,
    look.trace,
    series.series,
    upkeep.doctor,
    upkeep.backup,
    upkeep.restore,
):
    app.command()(command)
for name, noun in (
    ("province", province),
    ("finding", finding),
    ("obligation", obligation),
    ("orgunit", orgunit),
    ("revision", revision),
    ("release", release),
    ("delivery", delivery),
    ("secret", secret),
    ("brake", brake),
):
    app.add_typer(noun.app, name=name, help=noun.__doc__)
