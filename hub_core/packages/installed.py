"""Packages that a home holds itself: which install of each is in force, and what others have left.

::

    installed/<name>/
      installed.json             which install is in force; written last
      <install>/package/         the package's own files
      <install>/environment/     its virtual environment, where it is isolated
    installed/new-<install>/     an install whose package's name is not known yet
    installed/hub-<digest>/      the hub's own libraries, as isolated children see them
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import StringConstraints, ValidationError

from hub_core import locks
from hub_core.errors import PluginError, StateError
from hub_core.model.exchange import Exchanged, Plugin, Slug
from hub_core.model.formats import explain
from hub_core.packages.libraries import PYTHON

ABOUT = "installed.json"
_LOCK = "install.lock"
_INSTALL = re.compile(r"(new-)?[0-9a-f]{8}")


class Installed(Exchanged):
    """The install of a package that is in force.

    ``requires`` are the libraries that it says it needs.
    """

    format: Literal[1] = 1
    name: Slug
    project: str
    version: str
    install: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
    isolated: bool
    python: str
    requires: list[str]
    installed_at: datetime

    @property
    def again(self) -> str:
        """The command that puts it right."""
        return f"hub province install PATH{' --isolated' if self.isolated else ''}"


def folder(home: Path) -> Path:
    """Where a home holds its packages."""
    return home / "installed"


def read(home: Path) -> tuple[list[Installed], dict[str, str]]:
    """What is in force, and the names of packages of which that cannot be read, with why."""
    known, broken = [], {}
    for path in sorted(folder(home).glob(f"*/{ABOUT}")):
        name = path.parent.name
        try:
            told = Installed.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            why = explain(error) if isinstance(error, ValidationError) else str(error)
            broken[name] = f"{path} cannot be read: {why}; hub province install PATH writes it anew"
            continue
        if told.name == name:
            known.append(told)
        else:
            broken[name] = f"{path} is that of {told.name}: hub province remove {name}"
    return known, broken


def plugin(home: Path, told: Installed) -> Plugin:
    """A package in force, as a child is told of it."""
    here = folder(home) / told.name / told.install
    return Plugin(
        name=told.name,
        module=f"hub_provinces.{told.name}",
        root=str(here / "package" / "hub_provinces" / told.name),
        folder=str(here / "package"),
        environment=str(here / "environment") if told.isolated else None,
        version=told.version,
    )


def python(of: Plugin) -> str | None:
    """The Python of a package's own environment, where it has one."""
    return f"{of.environment}/bin/python" if of.environment else None


def own_libraries(of: Plugin) -> str | None:
    """The folder of the libraries of that environment."""
    version = PYTHON.rpartition(".")[0]
    return f"{of.environment}/lib/python{version}/site-packages" if of.environment else None


def trouble(home: Path, told: Installed) -> str | None:
    """Why a package in force cannot run here, and what puts it right; None where it can."""
    made = plugin(home, told)
    if not Path(made.root).is_dir():
        what = f"{told.version} was installed here and its files are gone, as after a restore (a backup has none)"
        return f"{what}: {told.again}"
    its_python = python(made)
    if its_python is None:
        return None
    if told.python.split(".")[:2] != PYTHON.split(".")[:2]:
        return f"its environment is of Python {told.python} and the hub runs {PYTHON}: {told.again}"
    if not os.access(its_python, os.X_OK):
        return f"the Python of its environment is gone ({its_python}): {told.again}"
    return None


def enter(home: Path, told: Installed) -> None:
    """Put an install in force, whole or not at all."""
    path = folder(home) / told.name / ABOUT
    scratch = path.with_name(ABOUT + ".new")
    with scratch.open("w", encoding="utf-8") as file:
        file.write(told.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    place = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def forget(home: Path, name: str) -> None:
    """Let no install of a package be in force. Raises PluginError where none is."""
    try:
        (folder(home) / name / ABOUT).unlink()
    except FileNotFoundError as error:
        raise PluginError(f"no package {name} is installed in this home") from error


def leftovers(home: Path) -> Iterator[Path]:
    """What no install in force is made of: older ones, and those that were cut off or removed.

    Nothing is said of a package whose ``installed.json`` cannot be read.
    """
    known, broken = read(home)
    in_force = {told.name: told.install for told in known}
    for place in _within(folder(home)):
        if place.name.startswith("new-") and _INSTALL.fullmatch(place.name):
            yield place
        elif place.name not in broken and place.is_dir() and not place.is_symlink():
            for path in _within(place):
                ours = _INSTALL.fullmatch(path.name) or path.name == ABOUT + ".new"
                if ours and path.name != in_force.get(place.name):
                    yield path


def discard(path: Path) -> None:
    """Remove a leftover, and the folder above it where nothing else is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.parent.name != "installed" and not any(path.parent.iterdir()):
        path.parent.rmdir()


def clear(home: Path, keep: Collection[Path] = ()) -> None:
    """Remove what is left over, unless an install is under way; ``keep``: what somebody here still reads.

    What cannot be removed stays, and the doctor names it.
    """
    if folder(home).is_dir():
        with suppress(StateError, OSError), alone(home):
            for path in [each for each in leftovers(home) if each not in keep]:
                with suppress(OSError):
                    discard(path)


def alone(home: Path) -> AbstractContextManager[IO[str]]:
    """One install at a time; whoever inherits the lock that is given holds it too.

    Raises StateError.
    """
    return locks.held(home / _LOCK, "another install is under way in this home")


def under_way(home: Path) -> bool:
    """Whether somebody installs at this moment."""
    return locks.is_held(home / _LOCK)


def _within(place: Path) -> list[Path]:
    return sorted(place.iterdir()) if place.is_dir() else []
