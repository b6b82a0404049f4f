"""Packages that were installed into a home.

Some cannot run here, and cut-off installs have left files.
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
    """Yield packages that are in force and do not run, each with the command that mends it."""
    home = hub.config.home
    known_installs, broken = installed.read(home)
    for name, what in sorted(broken.items()):
        yield harmful("package", name, what)
    for install in known_installs:
        what = installed.why_unusable(home, install) or "; ".join(
            unmet(home, install, hub.config.settings.plugins.trusted)
        )
        if what:
            yield harmful(
                "package",
                install.name,
                what if install.again in what else f"{what}: {install.again}",
            )


def installs(hub: Hub) -> Iterator[Symptom]:
    """Yield files of installs that are not in force, where none is under way."""
    home = hub.config.home
    if not installed.under_way(home):
        for path in installed.leftovers(home):
            what = "an install that was cut off, removed, or followed by another"
            yield harmless("install", path.relative_to(home).as_posix(), what, "remove it")
