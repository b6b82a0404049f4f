"""Doctor: what a home holds that it should not, or no longer holds that it should.

And what of it can be mended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from hub_core.errors import StateError
from hub_core.upkeep.doctor.database import database
from hub_core.upkeep.doctor.symptom import NOBODY, Kind, Report, Symptom

if TYPE_CHECKING:
    from hub_core.home import Hub

__all__ = ["Examined", "Kind", "Symptom", "database", "examine", "mend"]


@dataclass(frozen=True)
class Examined:
    """What was found and what was mended.

    While another hub is at work, leftovers are not looked for.
    """

    at_work: bool
    found: list[Symptom]
    mended: list[Symptom]

    @property
    def needs_somebody(self) -> bool:
        """Whether a person must act."""
        return any(each.who != NOBODY for each in self.found)


def examine(hub: Hub, report: Report, *, deep: bool) -> Examined:
    """Look at everything and change nothing.

    ``deep`` also reads every landed part and all figures.
    """
    from hub_core.upkeep.doctor.damage import damage
    from hub_core.upkeep.doctor.leftovers import deliveries, leftovers
    from hub_core.upkeep.doctor.packages import packages

    before = hub.at_work()
    left = [] if before else list(leftovers(hub))
    found = [*packages(hub), *damage(hub, report, deep=deep)]
    if before or hub.at_work():
        return Examined(True, [*deliveries(hub, waiting=False), *found], [])
    return Examined(False, [*left, *found], [])


def mend(
    hub: Hub, now: datetime, report: Report, *, deep: bool, first: Iterable[Symptom] = ()
) -> Examined:
    """Remove and complete what is harmless, then look again. Raises StateError where another hub holds the home.

    ``first``: what opening the home has mended.
    """
    from hub_core.upkeep.doctor.damage import catalogues
    from hub_core.upkeep.doctor.leftovers import leftovers
    from hub_core.upkeep.doctor.leftovers import mend as mend_one

    def todo() -> list[Symptom]:
        return [
            each for each in (*leftovers(hub), *catalogues(hub)) if each.mend and each not in mended
        ]

    mended = list(first)
    if hub.at_work():
        raise StateError("another hub is at work in this home, or on its database")
    cleared = [
        each for each in todo() if each.kind in ("scratch", "run", "install")
    ]  # whoever holds a home clears these up
    with hub.alone(now):
        mended += cleared
        while found := todo():
            for each in found:
                mend_one(hub, each)
            mended += found
    looked = examine(hub, report, deep=deep)
    return Examined(looked.at_work, looked.found, mended)
