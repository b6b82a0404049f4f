"""Packages that were installed into a home.

Those that cannot run here, and what cut-off installs have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub_core.engine.shared import unmet
from hub_core.packages import installed
from hub_core.upkeep.doctor.symptom import Symptom, harmful, harmless

if TYPE_CHECKING:
    from hub_core.home import Hub


def packages(hub: Hub) -> Iterator[Symptom]:
    """What is in force and does not run, each with the command that mends it."""
    home = hub.config.home
    known, broken = installed.read(home)
    for name, what in sorted(broken.items()):
        yield harmful("package", name, what)
    for told in known:
        what = installed.why_unusable(home, told) or "; ".join(
            unmet(home, told, hub.config.settings.plugins.trusted)
        )
        if what:
            yield harmful(
                "package", told.name, what if told.again in what else f"{what}: {told.again}"
            )


def installs(hub: Hub) -> Iterator[Symptom]:
    """Files of installs that are not in force, where none is under way."""
    home = hub.config.home
    if not installed.under_way(home):
        for path in installed.leftovers(home):
            what = "an install that was cut off, removed, or followed by another"
            yield harmless("install", path.relative_to(home).as_posix(), what, "remove it")
