"""The hub's own libraries as an isolated child sees them: links to those that a child needs alone.

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


def shared_libraries(trusted: list[str]) -> dict[str, Distribution]:
    """Return the libraries that a child needs by name, with all that these need.

    Raises ConfigurationError where the hub's own libraries are not whole.
    """
    requirements = resolve_requirements(
        [HUB, *(_owner(name) for name in trusted)], without=HUB_ALONE
    )
    if requirements.unmet:
        raise ConfigurationError(
            f"the hub's own libraries are not whole: {'; '.join(sorted(set(requirements.unmet)))}"
        )
    return requirements.libraries


def library_links(home: Path, trusted: list[str]) -> Path:
    """Return the folder of links to the shared libraries in a home.

    It is made where the hub's libraries have changed since. Raises ConfigurationError, and
    StoreError where it cannot be made.
    """
    targets = {
        name: path
        for library in shared_libraries(trusted).values()
        for name, path in _paths_by_name(library).items()
    }
    listing = "\n".join(f"{name}\t{path}" for name, path in sorted(targets.items()))
    folder = installed.folder(home) / f"hub-{hashlib.sha256(listing.encode()).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(mode=0o755, exist_ok=True)
        with (folder.parent / "links.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _make_links(folder, targets)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error}") from error
    return folder


def unmet(home: Path, install: Installed, trusted: list[str]) -> list[str]:
    """List what an installed package needs and does not see, as after an upgrade of the hub."""
    own_folder = installed.own_libraries(installed.plugin(home, install))
    if own_folder is None:
        return resolve_requirements(install.requires).unmet
    try:
        hub_libraries = shared_libraries(trusted)
    except ConfigurationError as error:
        return [error.message]
    return resolve_requirements(
        install.requires,
        lambda name: hub_libraries.get(name) or libraries.find(name, [own_folder]),
        unfollowed=hub_libraries,
    ).unmet


def _make_links(folder: Path, targets: dict[str, Path]) -> None:
    """Make a folder of links, and remove those whose libraries are gone, or that were cut off."""
    for other in folder.parent.glob("hub-*"):
        if other.name == _SCRATCH or not all(link.exists() for link in other.iterdir()):
            shutil.rmtree(other)
    scratch = folder.with_name(_SCRATCH)
    scratch.mkdir()
    for name, path in targets.items():
        (scratch / name).symlink_to(path)
    scratch.chmod(0o755)  # whatever user a child runs as
    scratch.rename(folder)


def _owner(entry: str) -> str:
    """Return the name of the library that an entry point of the hub's belongs to."""
    for entry_point in importlib.metadata.entry_points(group=GROUP, name=entry):
        if entry_point.dist is not None:
            return entry_point.dist.name
    raise ConfigurationError(f"plugins.trusted in hub.toml names {entry}, which is not installed")


def _paths_by_name(library: Distribution) -> dict[str, Path]:
    """Return the names under which a library stands on a path, and where each is.

    One that is linked to its source is found too.
    """
    top_names = {
        file.parts[0] for file in library.files or () if file.parts[0] not in ("..", "__pycache__")
    }
    if not top_names:
        raise ConfigurationError(
            f"{library.name} among the hub's libraries does not say which files it has (RECORD)"
        )
    paths = {
        name: Path(str(library.locate_file(name))).resolve()
        for name in top_names
        if not name.endswith(".pth")
    }
    own_modules = [
        entry.module.partition(".")[0] for entry in library.entry_points if entry.group == GROUP
    ]
    for name in (*own_modules, *(["hub_core"] if library.name == HUB else [])):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin:
            paths[name] = Path(spec.origin).parent
    return paths
