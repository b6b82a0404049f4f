"""``hub init``, ``hub check``, ``hub demo``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from hub_core.cli.output import DONE, USAGE, AsJson, Home, Now, as_json, moment, opened, say, table
from hub_core.errors import ConfigurationError


def init(
    home: Annotated[Path, typer.Argument(help="The folder to make a hub's home of.")],
    json: AsJson = False,
) -> None:
    """Make a hub's home: config/ as it is shipped, an empty database and landing zone."""
    from hub_core.config.operator import shipped

    if (home / "config").exists():
        raise ConfigurationError(f"{home} is a hub's home already: {home / 'config'} is there")
    shutil.copytree(shipped(), home / "config")
    with opened(home) as hub:
        hub.config.landing.mkdir(parents=True, exist_ok=True)
    if json:
        as_json({"home": str(home.resolve())})
    else:
        say(
            f"{home} is a hub's home now.",
            f"Next: put province packages' folder into {home / 'config' / 'hub.toml'}, then: hub check --home {home}",
        )


def check(home: Home = Path(), json: AsJson = False, now: Now = None) -> None:
    """Prove that configuration and plugins hold.

    Every code, component and connector is checked, every package in a child.
    """
    from hub_core.obligations import business_date
    from hub_core.upkeep.check import check as check_home

    with opened(home) as hub:
        problems = check_home(hub, business_date(moment(now)))
        names = sorted(hub.provinces)
    errors, warnings = (
        sum(problem.severity == severity for problem in problems)
        for severity in ("error", "warning")
    )
    if json:
        as_json({"provinces": names, "problems": problems})
    else:
        table(
            "Problems",
            ["where", "what", "severity"],
            [(p.where, p.what, p.severity) for p in problems],
        )
        packages = f"{len(names)} packages ({', '.join(names)})" if names else "No packages"
        say(f"{packages}; {errors} errors, {warnings} warnings.")
    sys.exit(USAGE if errors else DONE)


def demo(
    home: Annotated[
        Path | None, typer.Option(help="Where to keep the demo's home; removed first.")
    ] = None,
) -> None:
    """Run one night end to end on this machine.

    The sample systems of the provinces and a sample ministry take part.
    """
    from hub_core.testing.demo import run

    sys.exit(run(home))
