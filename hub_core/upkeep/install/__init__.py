"""Install a province's package into a home, or remove it.

All of it is tried before anything is in force.
"""

from __future__ import annotations

import importlib.metadata
import secrets
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hub_core.engine.shared import HUB, library_links, shared_libraries
from hub_core.errors import ConfigurationError, PluginError, StoreError
from hub_core.home import Hub
from hub_core.hookspecs import GROUP
from hub_core.packages import installed, libraries
from hub_core.packages import load as plugins
from hub_core.packages.installed import Installed
from hub_core.packages.requirements import met
from hub_core.upkeep.check import Problem, declares, loads
from hub_core.upkeep.install.pip import Pip
from hub_core.upkeep.install.unpack import Unpacked, unpack

Report = Callable[[str, dict[str, int]], None]


@dataclass(frozen=True)
class Installation:
    """What is in force now and was before.

    ``left`` is what a night lacks yet, for the operator to put right.
    """

    installed: Installed
    before: Installed | None
    left: list[Problem]


def install(
    hub: Hub, path: Path, now: datetime, report: Report, wheels: list[Path], *, isolated: bool
) -> Installation:
    """Put a package's folder, wheel or source archive in force. ``wheels``: folders with libraries for it.

    Raises PluginError where it is not whole, ConfigurationError where its libraries are not to be
    had, StateError where another install is under way, StoreError where it cannot be written. What
    was in force then stays so.
    """
    home = hub.config.home
    with installed.alone(home) as lock, _place(home) as place:
        pip = Pip(wheels, lock)
        report("its files", {})
        unpacked = unpack(path, place / "package", pip)
        before = _may_follow(hub, unpacked)
        told = Installed(
            name=unpacked.name,
            project=unpacked.project,
            version=unpacked.version,
            install=place.name.removeprefix("new-"),
            isolated=isolated,
            python=libraries.PYTHON,
            requires=unpacked.requires,
            installed_at=now,
        )
        _give_name(place, installed.plugin(home, told).folder)
        report("its libraries", {})
        if isolated:
            _make_environment(hub, told, pip)
        elif unmet := met(told.requires).unmet:
            what = f"the hub's own libraries do not do for {told.name}: {'; '.join(unmet)}"
            raise ConfigurationError(f"{what}. With --isolated it has libraries of its own")
        report("whether it loads", {})
        noticed = _load(hub, told)
        left = [*noticed, *declares(hub, told.name, unpacked.province)]
        installed.enter(home, told)
    return Installation(told, before, left)


@contextmanager
def _place(home: Path) -> Iterator[Path]:
    """A new folder for an install; where it does not come into force, nothing of it stays."""
    install = secrets.token_hex(4)
    folder = installed.folder(home)
    place = folder / f"new-{install}"
    try:
        folder.mkdir(exist_ok=True)
        for each in folder.glob("new-*"):  # of one that was killed: there is no other at work
            installed.discard(each)
        place.mkdir()
        yield place
    except OSError as error:
        raise StoreError(f"it cannot be written: {error}") from error
    finally:
        if install not in {each.install for each in installed.read(home)[0]}:
            for each in (place, *folder.glob(f"*/{install}")):
                with suppress(OSError):
                    installed.discard(each)


def _give_name(place: Path, package: str | None) -> None:
    """Move an install to where its package's name says.

    It may be under way to be in force there.
    """
    assert package is not None
    target = Path(package).parent
    target.parent.mkdir(exist_ok=True)
    place.rename(target)


def _may_follow(hub: Hub, unpacked: Unpacked) -> Installed | None:
    """The install that this one follows, if any.

    Raises PluginError where another package has its name.
    """
    name, version = unpacked.name, importlib.metadata.version(HUB)
    for each in map(Requirement, unpacked.requires):
        if canonicalize_name(each.name) == HUB and not each.specifier.contains(
            version, prereleases=True
        ):
            raise PluginError(f"{unpacked.project} is made for {each}, and this hub is {version}")
    elsewhere, broken = plugins.find(hub.config.plugin_folders)
    if name in elsewhere or name in broken:
        where = elsewhere[name].root if name in elsewhere else broken[name]
        raise PluginError(f"there is a package {name} already ({where}): take it away first")
    if importlib.metadata.entry_points(group=GROUP, name=name):
        raise PluginError(f"{name} is the name of a package that the hub itself has")
    known, _ = installed.read(hub.config.home)
    before = next((each for each in known if each.name == name), None)
    if before and canonicalize_name(before.project) != canonicalize_name(unpacked.project):
        what = f"package {name} is {before.project} {before.version} here, and this is {unpacked.project}"
        raise PluginError(f"{what}: hub province remove {name} first")
    return before


def _make_environment(hub: Hub, told: Installed, pip: Pip) -> None:
    """A virtual environment with the libraries that a package needs, beside those of the hub that its child sees."""
    home, trusted = hub.config.home, hub.config.settings.plugins.trusted
    made = installed.plugin(home, told)
    python = installed.python(made)
    assert made.environment
    assert python
    command = [sys.executable, "-m", "venv", "--without-pip", made.environment]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own Python
    if done.returncode:
        raise ConfigurationError(
            f"no environment can be made: {(done.stdout + done.stderr).strip()[-400:]}"
        )
    wanted = [each for each in told.requires if canonicalize_name(Requirement(each).name) != HUB]
    if wanted:
        as_they_are = Path(made.environment).parent / "hub.txt"
        lines = [
            f"{name}=={each.version}\n" for name, each in sorted(shared_libraries(trusted).items())
        ]
        as_they_are.write_text("".join(lines), encoding="utf-8")
        try:
            pip.install(
                "--constraint",
                str(as_they_are),
                *wanted,
                into=python,
                path=library_links(home, trusted),
            )
        except ConfigurationError as error:
            raise ConfigurationError(
                f"the libraries of {told.name} are not to be had: {error.message}"
            ) from error


def _load(hub: Hub, told: Installed) -> list[Problem]:
    """What a child remarks that loads the package.

    Raises PluginError where it does not load, or does not hold.
    """
    made = installed.plugin(hub.config.home, told)
    assert made.folder
    _open_to_all(Path(made.folder).parent)
    problems = list(loads(hub, made))
    if errors := [each.what for each in problems if each.severity == "error"]:
        raise PluginError(f"{told.project} {told.version} is not installed: {'; '.join(errors)}")
    return problems


def _open_to_all(place: Path) -> None:
    """Let whatever user a child runs as read an install: nothing in it is secret."""
    for path in (place.parent.parent, place.parent, place, *place.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(mode | (0o755 if stat.S_ISDIR(mode) or mode & 0o100 else 0o644))


def remove(hub: Hub, name: str) -> list[str]:
    """Let no install of a package be in force; what of the configuration still names it. Raises PluginError.

    Its files go with the next journey: somebody may still read them.
    """
    there = hub.plugins.get(name)
    with installed.alone(hub.config.home):
        try:
            installed.forget(hub.config.home, name)
        except PluginError as error:
            if there is None:
                raise
            raise PluginError(
                f"{error.message}; it stands in {there.root}: take it away there"
            ) from error
    settings = hub.config.settings
    named = [f"[provinces.{name}] in hub.toml"] * (name in settings.provinces)
    named += [f"[sources.{name}] in hub.toml"] * (name in settings.sources)
    duties = [
        f"{each.provider} to report {each.dataflow}"
        for each in hub.config.obligations
        if each.province == name
    ]
    return [*named, *(f"the duty of {each}" for each in dict.fromkeys(duties))]
