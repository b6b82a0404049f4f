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
from hub_core.packages import installed, libraries, load
from hub_core.packages.installed import Installed
from hub_core.packages.requirements import resolve_requirements
from hub_core.upkeep.check import Problem, declaration_problems, load_problems
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
    """Put a package's folder, wheel or source archive in force.

    ``wheels``: folders with libraries for it. Raises PluginError where it is not whole,
    ConfigurationError where its libraries are not to be had, StateError where another install is
    under way, StoreError where it cannot be written. What was in force then stays so.
    """
    home = hub.config.home
    with installed.install_lock(home) as lock, _new_folder(home) as folder:
        pip = Pip(wheels, lock)
        report("its files", {})
        unpacked = unpack(path, folder / "package", pip)
        before = _check_predecessor(hub, unpacked)
        new_install = Installed(
            name=unpacked.name,
            project=unpacked.project,
            version=unpacked.version,
            install=folder.name.removeprefix("new-"),
            isolated=isolated,
            python=libraries.PYTHON,
            requires=unpacked.requires,
            installed_at=now,
        )
        _move_to_name(folder, installed.plugin(home, new_install).folder)
        report("its libraries", {})
        if isolated:
            _make_environment(hub, new_install, pip)
        elif unmet := resolve_requirements(new_install.requires).unmet:
            what = f"the hub's own libraries do not do for {new_install.name}: {'; '.join(unmet)}"
            raise ConfigurationError(f"{what}. With --isolated it has libraries of its own")
        report("whether it loads", {})
        warnings = _try_loading(hub, new_install)
        remaining = [*warnings, *declaration_problems(hub, new_install.name, unpacked.province)]
        installed.put_in_force(home, new_install)
    return Installation(new_install, before, remaining)


@contextmanager
def _new_folder(home: Path) -> Iterator[Path]:
    """Make a new folder for an install.

    Where the install does not come into force, nothing of it stays.
    """
    install_id = secrets.token_hex(4)
    folder = installed.folder(home)
    new_folder = folder / f"new-{install_id}"
    try:
        folder.mkdir(exist_ok=True)
        for leftover in folder.glob("new-*"):  # of one that was killed: there is no other at work
            installed.discard(leftover)
        new_folder.mkdir()
        yield new_folder
    except OSError as error:
        raise StoreError(f"it cannot be written: {error}") from error
    finally:
        if install_id not in {known_install.install for known_install in installed.read(home)[0]}:
            for leftover in (new_folder, *folder.glob(f"*/{install_id}")):
                with suppress(OSError):
                    installed.discard(leftover)


def _move_to_name(folder: Path, package: str | None) -> None:
    """Move an install to where its package's name says.

    There it may come into force.
    """
    assert package is not None
    target = Path(package).parent
    target.parent.mkdir(exist_ok=True)
    folder.rename(target)


def _check_predecessor(hub: Hub, unpacked: Unpacked) -> Installed | None:
    """Return the install that this one follows, or None.

    Raises PluginError where another package has its name, or it is made for another hub.
    """
    name, version = unpacked.name, importlib.metadata.version(HUB)
    for requirement in map(Requirement, unpacked.requires):
        if canonicalize_name(requirement.name) == HUB and not requirement.specifier.contains(
            version, prereleases=True
        ):
            raise PluginError(
                f"{unpacked.project} is made for {requirement}, and this hub is {version}"
            )
    other_packages, broken = load.find(hub.config.plugin_folders)
    if name in other_packages or name in broken:
        where = other_packages[name].root if name in other_packages else broken[name]
        raise PluginError(f"there is a package {name} already ({where}): take it away first")
    if importlib.metadata.entry_points(group=GROUP, name=name):
        raise PluginError(f"{name} is the name of a package that the hub itself has")
    installs, _ = installed.read(hub.config.home)
    before = next((known_install for known_install in installs if known_install.name == name), None)
    if before and canonicalize_name(before.project) != canonicalize_name(unpacked.project):
        what = f"package {name} is {before.project} {before.version} here, and this is {unpacked.project}"
        raise PluginError(f"{what}: hub province remove {name} first")
    return before


def _make_environment(hub: Hub, new_install: Installed, pip: Pip) -> None:
    """Make a virtual environment with the libraries that a package needs.

    Its child sees them beside those of the hub.
    """
    home, trusted = hub.config.home, hub.config.settings.plugins.trusted
    plugin = installed.plugin(home, new_install)
    python = installed.python(plugin)
    assert plugin.environment
    assert python
    command = [sys.executable, "-m", "venv", "--without-pip", plugin.environment]
    process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own Python
    if process.returncode:
        raise ConfigurationError(
            f"no environment can be made: {(process.stdout + process.stderr).strip()[-400:]}"
        )
    requirements = [
        requirement
        for requirement in new_install.requires
        if canonicalize_name(Requirement(requirement).name) != HUB
    ]
    if requirements:
        constraints = Path(plugin.environment).parent / "hub.txt"
        lines = [
            f"{name}=={library.version}\n"
            for name, library in sorted(shared_libraries(trusted).items())
        ]
        constraints.write_text("".join(lines), encoding="utf-8")
        try:
            pip.install(
                "--constraint",
                str(constraints),
                *requirements,
                into=python,
                path=library_links(home, trusted),
            )
        except ConfigurationError as error:
            raise ConfigurationError(
                f"the libraries of {new_install.name} are not to be had: {error.message}"
            ) from error


def _try_loading(hub: Hub, new_install: Installed) -> list[Problem]:
    """Load the package in a child and return what it remarks.

    Raises PluginError where the package does not load, or does not hold.
    """
    plugin = installed.plugin(hub.config.home, new_install)
    assert plugin.folder
    _let_all_read(Path(plugin.folder).parent)
    problems = list(load_problems(hub, plugin))
    if errors := [problem.what for problem in problems if problem.severity == "error"]:
        raise PluginError(
            f"{new_install.project} {new_install.version} is not installed: {'; '.join(errors)}"
        )
    return problems


def _let_all_read(folder: Path) -> None:
    """Let whatever user a child runs as read an install: nothing in it is secret."""
    for path in (folder.parent.parent, folder.parent, folder, *folder.rglob("*")):
        mode = path.lstat().st_mode
        if not stat.S_ISLNK(mode):
            path.chmod(mode | (0o755 if stat.S_ISDIR(mode) or mode & 0o100 else 0o644))


def remove(hub: Hub, name: str) -> list[str]:
    """Let no install of a package be in force; return what of the configuration still names it.

    Its files go with the next journey: somebody may still read them. Raises PluginError.
    """
    plugin = hub.plugins.get(name)
    with installed.install_lock(hub.config.home):
        try:
            installed.forget(hub.config.home, name)
        except PluginError as error:
            if plugin is None:
                raise
            raise PluginError(
                f"{error.message}; it stands in {plugin.root}: take it away there"
            ) from error
    settings = hub.config.settings
    mentions = [f"[provinces.{name}] in hub.toml"] * (name in settings.provinces)
    mentions += [f"[sources.{name}] in hub.toml"] * (name in settings.sources)
    duties = [
        f"{obligation.provider} to report {obligation.dataflow}"
        for obligation in hub.config.obligations
        if obligation.province == name
    ]
    return [*mentions, *(f"the duty of {duty}" for duty in dict.fromkeys(duties))]
