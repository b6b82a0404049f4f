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

    database_symptoms = doctors.database(configuration.load(home))
    if database_symptoms and not (mend and all(symptom.mend for symptom in database_symptoms)):
        examined = doctors.Examined(at_work=False, found=database_symptoms, mended=[])
    else:
        with opened(home) as hub, progress(quiet=json) as report:
            if mend:
                examined = doctors.mend(
                    hub, moment(now), report, deep=deep, first=database_symptoms
                )
            else:
                examined = doctors.examine(hub, report, deep=deep)
    if json:
        as_json(examined)
    else:
        _show(examined)
    sys.exit(BLOCKED if examined.needs_somebody else DONE)


def _show(examined: Examined) -> None:
    def rows(symptoms: list[Symptom]) -> list[tuple[str, ...]]:
        return [
            (symptom.kind, symptom.place, symptom.what, symptom.who, symptom.mend)
            for symptom in symptoms
        ]

    columns = ["kind", "place", "what", "who acts", "--mend would"]
    if examined.mended:
        table("Mended", ["kind", "place", "what"], [row[:3] for row in rows(examined.mended)])
    table("Found", columns, rows(examined.found))
    if examined.at_work:
        say(
            "Another hub is at work in this home: what it has under way was left out, and so were leftovers."
        )
    harmful = sum(not symptom.harmless for symptom in examined.found)
    say(f"{harmful} need somebody, {len(examined.found) - harmful} are harmless.")


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
        backup_set = make(configuration.load(home), target, moment(now), report)
    if json:
        as_json({"set": str(backup_set.path), **backup_set.about.model_dump(mode="json")})
        return
    about = backup_set.about
    say(
        f"{backup_set.path}: {about.files} files, {sum(about.rows.values())} rows, "
        f"{backup_set.path.stat().st_size} bytes."
    )
    for secret in about.left_out:
        say(f"  ! left out, for it is a secret in the open: {secret}")


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
