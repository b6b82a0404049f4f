"""Doctor: what a home holds that it should not, or no longer holds that it should.

Some of it can be mended.
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
        return any(symptom.who != NOBODY for symptom in self.found)


def examine(hub: Hub, report: Report, *, deep: bool) -> Examined:
    """Look at everything and change nothing.

    ``deep`` also reads every landed part and all figures.
    """
    from hub_core.upkeep.doctor.damage import damage
    from hub_core.upkeep.doctor.leftovers import deliveries, leftovers
    from hub_core.upkeep.doctor.packages import packages

    at_work = hub.at_work()
    leftover_symptoms = [] if at_work else list(leftovers(hub))
    symptoms = [*packages(hub), *damage(hub, report, deep=deep)]
    if at_work or hub.at_work():
        return Examined(True, [*deliveries(hub, waiting=False), *symptoms], [])
    return Examined(False, [*leftover_symptoms, *symptoms], [])


def mend(
    hub: Hub, now: datetime, report: Report, *, deep: bool, first: Iterable[Symptom] = ()
) -> Examined:
    """Remove and complete what is harmless, then look again.

    ``first``: what opening the home has mended. Raises StateError where another hub holds the home.
    """
    from hub_core.upkeep.doctor.damage import catalogues
    from hub_core.upkeep.doctor.leftovers import leftovers
    from hub_core.upkeep.doctor.leftovers import mend as mend_one

    def mendable() -> list[Symptom]:
        return [
            symptom
            for symptom in (*leftovers(hub), *catalogues(hub))
            if symptom.mend and symptom not in mended
        ]

    mended = list(first)
    if hub.at_work():
        raise StateError("another hub is at work in this home, or on its database")
    cleared = [
        symptom for symptom in mendable() if symptom.kind in ("scratch", "run", "install")
    ]  # whoever holds a home clears these up
    with hub.alone(now):
        mended += cleared
        while mending := mendable():
            for symptom in mending:
                mend_one(hub, symptom)
            mended += mending
    examined = examine(hub, report, deep=deep)
    return Examined(examined.at_work, examined.found, mended)
