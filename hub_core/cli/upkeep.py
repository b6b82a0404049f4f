"""``hub doctor``, ``backup``, ``restore``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import (
    BLOCKED,
    DONE,
    AsJson,
    Home,
    Now,
    as_json,
    moment,
    opened,
    progress,
    say,
    table,
)

if TYPE_CHECKING:
    from hub_core.upkeep.doctor import Examined, Symptom


def doctor(
    home: Home = Path(),
    mend: Annotated[
        bool,
        typer.Option(
            "--mend", help="Remove what a killed hub left, and complete what can be completed."
        ),
    ] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read every landed part and all figures.")
    ] = False,
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Look for leftovers, lost files and digests that do not hold.

    Without --mend nothing is changed.
    """
    from hub_core.config import operator as configuration
    from hub_core.upkeep import doctor as doctors

    ill = doctors.database(configuration.load(home))
    if ill and not (mend and all(each.mend for each in ill)):
        told = doctors.Examined(at_work=False, found=ill, mended=[])
    else:
        with opened(home) as hub, progress(quiet=json) as report:
            if mend:
                told = doctors.mend(hub, moment(now), report, deep=deep, first=ill)
            else:
                told = doctors.examine(hub, report, deep=deep)
    if json:
        as_json(told)
    else:
        _show(told)
    sys.exit(BLOCKED if told.needs_somebody else DONE)


def _show(told: Examined) -> None:
    def rows(symptoms: list[Symptom]) -> list[tuple[str, ...]]:
        return [(each.kind, each.place, each.what, each.who, each.mend) for each in symptoms]

    columns = ["kind", "place", "what", "who acts", "--mend would"]
    if told.mended:
        table("Mended", ["kind", "place", "what"], [row[:3] for row in rows(told.mended)])
    table("Found", columns, rows(told.found))
    if told.at_work:
        say(
            "Another hub is at work in this home: what it has under way was left out, and so were leftovers."
        )
    needs = sum(not each.harmless for each in told.found)
    say(f"{needs} need somebody, {len(told.found) - needs} are harmless.")


def backup(
    target: Annotated[Path, typer.Argument(help="A file to make, or a folder to put it into.")],
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Write database, landing zone, catalogues and config/ as one set with digests.

    A night may run meanwhile.
    """
    from hub_core.config import operator as configuration
    from hub_core.upkeep.backup.make import backup as make

    with progress(quiet=json) as report:
        made = make(configuration.load(home), target, moment(now), report)
    if json:
        as_json({"set": str(made.path), **made.about.model_dump(mode="json")})
        return
    about = made.about
    say(
        f"{made.path}: {about.files} files, {sum(about.rows.values())} rows, {made.path.stat().st_size} bytes."
    )
    for each in about.left_out:
        say(f"  ! left out, for it is a secret in the open: {each}")


def restore(
    source: Annotated[Path, typer.Argument(help="A set that hub backup made.")],
    home: Annotated[
        Path, typer.Option("--home", help="The new home: a folder that is empty, or not there.")
    ],
    database: Annotated[
        str | None,
        typer.Option(
            help="For a set of PostgreSQL: the empty database to load into, where another."
        ),
    ] = None,
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Make a new home from a set, every digest verified before anything is there."""
    from hub_core.upkeep.backup.restore import restore as restore_set

    with progress(quiet=json) as report:
        about = restore_set(source, home, moment(now), report, database)
    if json:
        as_json({"home": str(home.resolve()), **about.model_dump(mode="json")})
    else:
        say(
            f"{home} is the home of {about.made_at:%Y-%m-%d %H:%M %z}: {about.files} files, all verified."
        )
        say(
            f"Next: set the secrets (hub secret list shows them), then: hub doctor --deep --home {home}"
        )
