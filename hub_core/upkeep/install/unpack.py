"""A package's own files, as a child will load them, and what they say.

They come from its folder, wheel or source archive.
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
_NOT_COPIED = ("__pycache__",)


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

    Raises PluginError where it is no package, ConfigurationError where it cannot be built.
    """
    target.mkdir()
    if path.is_dir():
        return _unpacked(*_copy(path, target), target, path)
    if not path.is_file():
        raise ConfigurationError(f"{path} is not there")
    if path.suffix == ".whl":
        _check_wheel(path)
    elif not path.name.endswith(_SOURCES):
        raise PluginError(
            f"{path} is no package: give its folder, its wheel (.whl) or its source (.tar.gz, .zip)"
        )
    try:
        pip.install("--no-deps", "--no-compile", "--target", str(target), str(path.resolve()))
    except ConfigurationError as error:
        raise PluginError(f"{path} cannot be unpacked: {error.message}") from error
    return _unpacked(*_metadata(path, target), target, path)


def _copy(path: Path, target: Path) -> tuple[dict[str, Any], str, str]:
    """Copy what a folder's wheel would hold of it; return what its pyproject.toml says."""
    if not (path / "pyproject.toml").is_file():
        raise PluginError(f"{path} is no package: it has no pyproject.toml")
    project, name, module = declared(path / "pyproject.toml")
    if dynamic := {"version", "dependencies", "entry-points"} & set(project.get("dynamic", ())):
        what = f"pyproject.toml leaves {', '.join(sorted(dynamic))} to be found when it is built"
        raise PluginError(f"{path}: {what}: build a wheel (pip wheel --no-deps) and install that")
    size = count = 0
    for file in _files(path / "hub_provinces", path):
        size, count = size + file.stat().st_size, count + 1
        _check_size(path, size, count)
        place = target / file.relative_to(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    return {**project, "requires": project.get("dependencies", [])}, name, module


def _files(folder: Path, package: Path) -> Iterator[Path]:
    """Yield the files below a folder; raise PluginError where one is neither file nor folder."""
    if folder.is_symlink() or not folder.is_dir():
        raise PluginError(f"{package} is no package: it has no folder {folder.name}")
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise PluginError(
                f"{path} is neither a file nor a folder: a package holds nothing else, no link either"
            )
        if path.name in _NOT_COPIED:
            continue
        if path.is_dir():
            yield from _files(path, package)
        else:
            yield path


def _check_wheel(path: Path) -> None:
    """Raise PluginError where a wheel is no archive, or opens to too much."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError) as error:
        raise PluginError(f"{path} is no wheel: {error}") from error
    _check_size(path, sum(member.file_size for member in members), len(members))


def _check_size(path: Path, size: int, count: int) -> None:
    if size > _BYTES or count > _FILES:
        raise PluginError(f"{path} opens to more than {_BYTES >> 20} MB or {_FILES} files")


def _metadata(path: Path, target: Path) -> tuple[dict[str, Any], str, str]:
    """Return what the metadata of a package say that pip has unpacked."""
    distributions = list(importlib.metadata.distributions(path=[str(target)]))
    entries = [
        entry
        for distribution in distributions
        for entry in distribution.entry_points
        if entry.group == GROUP
    ]
    if len(distributions) != 1 or len(entries) != 1:
        raise PluginError(f"{path}: needs one entry point in group {GROUP}, has {len(entries)}")
    [distribution], [entry] = distributions, entries
    project = {
        "name": distribution.name,
        "version": distribution.version,
        "requires": distribution.requires or [],
    }
    return (
        project | {"requires-python": distribution.metadata.json.get("requires_python", "")},
        entry.name,
        entry.value,
    )


def _unpacked(
    project: dict[str, Any], name: str, module: str, target: Path, path: Path
) -> Unpacked:
    """Hold what a package says of itself against its files, and return it.

    Raises PluginError or ConfigurationError.
    """
    if not named_in_full(name, module):
        raise PluginError(f"{path}: entry point {name} = {module!r} is not hub_provinces.{name}")
    root = target / "hub_provinces" / name
    if not (root / "province.toml").is_file():
        raise PluginError(f"{path}: province.toml is missing in hub_provinces/{name}")
    others = sorted(
        path_beside.name
        for path_beside in root.parent.iterdir()
        if path_beside != root and path_beside.name not in _NOT_COPIED
    )
    if others:
        raise PluginError(
            f"{path}: hub_provinces holds {', '.join(others)} beside {name}; a package is one province"
        )
    own_province = province.read(root)
    if own_province.id != name:
        raise PluginError(f"{path}: entry point {name} declares province {own_province.id}")
    try:
        python = SpecifierSet(str(project.get("requires-python") or ""))
        requires = [Requirement(text) for text in project["requires"]]
    except (InvalidSpecifier, InvalidRequirement, TypeError) as error:
        raise PluginError(f"{path}: {error}") from error
    if not python.contains(PYTHON):
        raise PluginError(f"{path} needs Python {python}, and the hub runs {PYTHON}")
    if with_address := [requirement.name for requirement in requires if requirement.url]:
        what = f"{', '.join(with_address)} comes from an address that the package names"
        raise PluginError(f"{path}: {what}; where libraries come from is the operator's to say")
    version = str(project.get("version", ""))
    return Unpacked(
        name, str(project.get("name", name)), version, list(map(str, requires)), own_province
    )
