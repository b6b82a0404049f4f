"""Packages that a home holds itself: which install of each is in force, and what is left over.

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
        """The command that installs the package anew."""
        return f"hub province install PATH{' --isolated' if self.isolated else ''}"


def folder(home: Path) -> Path:
    """Return the folder in which a home holds its packages."""
    return home / "installed"


def read(home: Path) -> tuple[list[Installed], dict[str, str]]:
    """Read which installs are in force.

    Also gives the names of packages of which that cannot be read, with the reason.
    """
    packages, broken = [], {}
    for path in sorted(folder(home).glob(f"*/{ABOUT}")):
        name = path.parent.name
        try:
            package = Installed.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            why = explain(error) if isinstance(error, ValidationError) else str(error)
            broken[name] = f"{path} cannot be read: {why}; hub province install PATH writes it anew"
            continue
        if package.name == name:
            packages.append(package)
        else:
            broken[name] = f"{path} is that of {package.name}: hub province remove {name}"
    return packages, broken


def plugin(home: Path, package: Installed) -> Plugin:
    """Return a package in force as the order to a child names it."""
    install = folder(home) / package.name / package.install
    return Plugin(
        name=package.name,
        module=f"hub_provinces.{package.name}",
        root=str(install / "package" / "hub_provinces" / package.name),
        folder=str(install / "package"),
        environment=str(install / "environment") if package.isolated else None,
        version=package.version,
    )


def python(package: Plugin) -> str | None:
    """Return the Python of a package's own environment, or None where it has none."""
    return f"{package.environment}/bin/python" if package.environment else None


def own_libraries(package: Plugin) -> str | None:
    """Return the libraries' folder of a package's own environment, or None where it has none."""
    version = PYTHON.rpartition(".")[0]
    return (
        f"{package.environment}/lib/python{version}/site-packages" if package.environment else None
    )


def why_unusable(home: Path, package: Installed) -> str | None:
    """Say why a package in force cannot run here, and what mends it; None where it can run."""
    child_plugin = plugin(home, package)
    if not Path(child_plugin.root).is_dir():
        why = (
            f"{package.version} was installed here and its files are gone, "
            "as after a restore (a backup has none)"
        )
        return f"{why}: {package.again}"
    its_python = python(child_plugin)
    if its_python is None:
        return None
    if package.python.split(".")[:2] != PYTHON.split(".")[:2]:
        why = f"its environment is of Python {package.python} and the hub runs {PYTHON}"
        return f"{why}: {package.again}"
    if not os.access(its_python, os.X_OK):
        return f"the Python of its environment is gone ({its_python}): {package.again}"
    return None


def put_in_force(home: Path, package: Installed) -> None:
    """Put an install in force, in one step: after a crash it is in force or it is not."""
    path = folder(home) / package.name / ABOUT
    scratch = path.with_name(ABOUT + ".new")
    with scratch.open("w", encoding="utf-8") as file:
        file.write(package.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def forget(home: Path, name: str) -> None:
    """Let no install of a package be in force. Raises PluginError where none is."""
    try:
        (folder(home) / name / ABOUT).unlink()
    except FileNotFoundError as error:
        raise PluginError(f"no package {name} is installed in this home") from error


def leftovers(home: Path) -> Iterator[Path]:
    """Yield what no install in force is made of: older ones, and those cut off or removed.

    A package whose ``installed.json`` cannot be read is passed over.
    """
    packages, broken = read(home)
    in_force = {package.name: package.install for package in packages}
    for directory in _within(folder(home)):
        if directory.name.startswith("new-") and _INSTALL.fullmatch(directory.name):
            yield directory
        elif directory.name not in broken and directory.is_dir() and not directory.is_symlink():
            for path in _within(directory):
                ours = _INSTALL.fullmatch(path.name) or path.name == ABOUT + ".new"
                if ours and path.name != in_force.get(directory.name):
                    yield path


def discard(path: Path) -> None:
    """Remove a leftover, and the folder above it if that is then empty."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.parent.name != "installed" and not any(path.parent.iterdir()):
        path.parent.rmdir()


def remove_leftovers(home: Path, keep: Collection[Path] = ()) -> None:
    """Remove what is left over, unless an install is under way.

    ``keep``: what this process still reads. What cannot be removed stays, and the doctor names it.
    """
    if folder(home).is_dir():
        with suppress(StateError, OSError), install_lock(home):
            for path in [leftover for leftover in leftovers(home) if leftover not in keep]:
                with suppress(OSError):
                    discard(path)


def install_lock(home: Path) -> AbstractContextManager[IO[str]]:
    """Hold the lock of a home's installs, so that there is one at a time.

    A process that inherits the file that is given holds the lock too. Raises StateError where
    another install is under way.
    """
    return locks.held(home / _LOCK, "another install is under way in this home")


def under_way(home: Path) -> bool:
    """Tell whether an install is under way at this moment."""
    return locks.is_held(home / _LOCK)


def _within(directory: Path) -> list[Path]:
    return sorted(directory.iterdir()) if directory.is_dir() else []
