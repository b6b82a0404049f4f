"""All commands in one place."""

from __future__ import annotations

import typer

from hub_core.cli import (
    finding,
    journeys,
    look,
    obligation,
    orgunit,
    province,
    release,
    revision,
    series,
    setup,
    template,
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
    template.template,
    look.status,
    look.trace,
    series.series,
):
    app.command()(command)
for name, noun in (
    ("province", province),
    ("finding", finding),
    ("obligation", obligation),
    ("orgunit", orgunit),
    ("revision", revision),
    ("release", release),
):
    app.add_typer(noun.app, name=name, help=noun.__doc__)
