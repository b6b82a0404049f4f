"""A package's own files, from its folder, wheel or source archive, as a child will load them.

And what they say.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hub_core.config import province
from hub_core.errors import ConfigurationError, PluginError
from hub_core.hookspecs import GROUP
from hub_core.packages.libraries import PYTHON
from hub_core.packages.load import declared, named_in_full

if TYPE_CHECKING:
    from hub_core.config.province import Province
    from hub_core.upkeep.install.pip import Pip

_BYTES, _FILES = 1 << 30, 100_000  # that a package's own files may be
_SOURCES = (".tar.gz", ".zip")
_LEFT_OUT = ("__pycache__",)


@dataclass(frozen=True)
class Unpacked:
    """A package in a folder: its name, what its project is called, and what it needs."""

    name: str
    project: str
    version: str
    requires: list[str]
    province: Province


def unpack(path: Path, target: Path, pip: Pip) -> Unpacked:
    """Put a package's files into a folder that is not there yet.

    Raises PluginError where it is none, ConfigurationError where it cannot be built.
    """
    target.mkdir()
    if path.is_dir():
        return _told(*_copied(path, target), target, path)
    if not path.is_file():
        raise ConfigurationError(f"{path} is not there")
    if path.suffix == ".whl":
        _look(path)
    elif not path.name.endswith(_SOURCES):
        raise PluginError(
            f"{path} is no package: give its folder, its wheel (.whl) or its source (.tar.gz, .zip)"
        )
    try:
        pip.install("--no-deps", "--no-compile", "--target", str(target), str(path.resolve()))
    except ConfigurationError as error:
        raise PluginError(f"{path} cannot be unpacked: {error.message}") from error
    return _told(*_metadata(path, target), target, path)


def _copied(path: Path, target: Path) -> tuple[dict[str, Any], str, str]:
    """Copy what a folder's wheel would hold of it; what its pyproject.toml says."""
    if not (path / "pyproject.toml").is_file():
        raise PluginError(f"{path} is no package: it has no pyproject.toml")
    project, name, module = declared(path / "pyproject.toml")
    if dynamic := {"version", "dependencies", "entry-points"} & set(project.get("dynamic", ())):
        what = f"pyproject.toml leaves {', '.join(sorted(dynamic))} to be found when it is built"
        raise PluginError(f"{path}: {what}: build a wheel (pip wheel --no-deps) and install that")
    size = count = 0
    for file in _files(path / "hub_provinces", path):
        size, count = size + file.stat().st_size, count + 1
        _bounded(path, size, count)
        place = target / file.relative_to(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return {**project, "requires": project.get("dependencies", [])}, name, module


def _files(folder: Path, package: Path) -> Iterator[Path]:
    """The files below a folder. Raises PluginError where something is neither file nor folder."""
    if folder.is_symlink() or not folder.is_dir():
        raise PluginError(f"{package} is no package: it has no folder {folder.name}")
    for each in sorted(folder.iterdir()):
        if each.is_symlink() or not (each.is_dir() or each.is_file()):
            raise PluginError(
                f"{each} is neither a file nor a folder: a package holds nothing else, no link either"
            )
        if each.name in _LEFT_OUT:
            continue
        if each.is_dir():
            yield from _files(each, package)
        else:
            yield each


def _look(path: Path) -> None:
    """Raises PluginError where a wheel is no archive, or opens to too much."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise PluginError(f"{path} is no wheel: {error}") from error
    _bounded(path, sum(each.file_size for each in members), len(members))


def _bounded(path: Path, size: int, count: int) -> None:
    if size > _BYTES or count > _FILES:
        raise PluginError(f"{path} opens to more than {_BYTES >> 20} MB or {_FILES} files")


def _metadata(path: Path, target: Path) -> tuple[dict[str, Any], str, str]:
    """What the metadata of a package say that pip has unpacked."""
    there = list(importlib.metadata.distributions(path=[str(target)]))
    entries = [entry for each in there for entry in each.entry_points if entry.group == GROUP]
    if len(there) != 1 or len(entries) != 1:
        raise PluginError(f"{path}: needs one entry point in group {GROUP}, has {len(entries)}")
    [found], [entry] = there, entries
    told = {"name": found.name, "version": found.version, "requires": found.requires or []}
    return (
        told | {"requires-python": found.metadata.json.get("requires_python", "")},
        entry.name,
        entry.value,
    )


def _told(project: dict[str, Any], name: str, module: str, target: Path, path: Path) -> Unpacked:
    """What a package says of itself, held against its files.

    Raises PluginError or ConfigurationError.
    """
    if not named_in_full(name, module):
        raise PluginError(f"{path}: entry point {name} = {module!r} is not hub_provinces.{name}")
    root = target / "hub_provinces" / name
    if not (root / "province.toml").is_file():
        raise PluginError(f"{path}: province.toml is missing in hub_provinces/{name}")
    others = sorted(
        each.name for each in root.parent.iterdir() if each != root and each.name not in _LEFT_OUT
    )
    if others:
        raise PluginError(
            f"{path}: hub_provinces holds {', '.join(others)} beside {name}; a package is one province"
        )
    read = province.read(root)
    if read.id != name:
        raise PluginError(f"{path}: entry point {name} declares province {read.id}")
    try:
        python = SpecifierSet(str(project.get("requires-python") or ""))
        requires = [Requirement(each) for each in project["requires"]]
    except (InvalidSpecifier, InvalidRequirement, TypeError) as error:
        raise PluginError(f"{path}: {error}") from error
    if not python.contains(PYTHON):
        raise PluginError(f"{path} needs Python {python}, and the hub runs {PYTHON}")
    if placed := [each.name for each in requires if each.url]:
        what = f"{', '.join(placed)} comes from an address that the package names"
        raise PluginError(f"{path}: {what}; where libraries come from is the operator's to say")
    version = str(project.get("version", ""))
    return Unpacked(name, str(project.get("name", name)), version, list(map(str, requires)), read)
