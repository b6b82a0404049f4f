"""The hub's own libraries as an isolated child sees them: links to those that a child needs, and to no others.

They stand before the libraries of its environment, so that what runs is always this hub's code with
its libraries.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import shutil
from importlib.metadata import Distribution
from pathlib import Path

from hub_core.errors import ConfigurationError, StoreError
from hub_core.hookspecs import GROUP
from hub_core.packages import installed, libraries
from hub_core.packages.installed import Installed
from hub_core.packages.requirements import resolve_requirements

# What the hub requires and no child imports: a package may bring its own versions of these
HUB_ALONE = frozenset(
    {"alembic", "apscheduler", "holidays", "packaging", "rich", "sqlalchemy", "typer"}
)
HUB, _SCRATCH = "lienthong", "hub-new"


def shared(trusted: list[str]) -> dict[str, Distribution]:
    """The libraries that a child needs by name, with all that these need.

    Raises ConfigurationError.
    """
    told = resolve_requirements([HUB, *(_owner(name) for name in trusted)], without=HUB_ALONE)
    if told.unmet:
        raise ConfigurationError(
            f"the hub's own libraries are not whole: {'; '.join(sorted(set(told.unmet)))}"
        )
    return told.libraries


def links(home: Path, trusted: list[str]) -> Path:
    """The folder of these links in a home, made where the hub's libraries are not as they were.

    Raises ConfigurationError, and StoreError where it cannot be made.
    """
    places = {
        name: path for each in shared(trusted).values() for name, path in _places(each).items()
    }
    told = "\n".join(f"{name}\t{path}" for name, path in sorted(places.items()))
    folder = installed.folder(home) / f"hub-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(mode=0o755, exist_ok=True)
        with (folder.parent / "links.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _make(folder, places)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error}") from error
    return folder


def unmet(home: Path, told: Installed, trusted: list[str]) -> list[str]:
    """What a package that is installed needs and does not see, as after an upgrade of the hub."""
    own = installed.own_libraries(installed.plugin(home, told))
    if own is None:
        return resolve_requirements(told.requires).unmet
    try:
        ours = shared(trusted)
    except ConfigurationError as error:
        return [error.message]
    return resolve_requirements(
        told.requires, lambda name: ours.get(name) or libraries.find(name, [own]), unfollowed=ours
    ).unmet


def _make(folder: Path, places: dict[str, Path]) -> None:
    """Make a folder of links, and remove those whose libraries are gone, or that were cut off."""
    for other in folder.parent.glob("hub-*"):
        if other.name == _SCRATCH or not all(link.exists() for link in other.iterdir()):
            shutil.rmtree(other)
    scratch = folder.with_name(_SCRATCH)
    scratch.mkdir()
    for name, path in places.items():
        (scratch / name).symlink_to(path)
    scratch.chmod(0o755)  # whatever user a child runs as
    scratch.rename(folder)


def _owner(entry: str) -> str:
    """The library that an entry point of the hub's belongs to."""
    for found in importlib.metadata.entry_points(group=GROUP, name=entry):
        if found.dist is not None:
            return found.dist.name
    raise ConfigurationError(f"plugins.trusted in hub.toml names {entry}, which is not installed")


def _places(library: Distribution) -> dict[str, Path]:
    """The names under which a library stands on a path, and where each is.

    Also one that is linked to its source.
    """
    top = {
        file.parts[0] for file in library.files or () if file.parts[0] not in ("..", "__pycache__")
    }
    if not top:
        raise ConfigurationError(
            f"{library.name} among the hub's libraries does not say which files it has (RECORD)"
        )
    named = {
        name: Path(str(library.locate_file(name))).resolve()
        for name in top
        if not name.endswith(".pth")
    }
    mine = [
        entry.module.partition(".")[0] for entry in library.entry_points if entry.group == GROUP
    ]
    for name in (*mine, *(["hub_core"] if library.name == HUB else [])):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin:
            named[name] = Path(spec.origin).parent
    return named
