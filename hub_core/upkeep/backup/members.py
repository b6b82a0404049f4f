"""What belongs in a set beside the database.

The files that its rows name, and the configuration without secrets.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from hub_core.config.province import open_secrets
from hub_core.errors import ConfigurationError, StoreError
from hub_core.landing.layout import MANIFEST, QUARANTINE
from hub_core.landing.zone import LandingZone
from hub_core.model.formats import LANDINGS, MANIFESTS, RELEASE_MANIFESTS
from hub_core.packages import installed
from hub_core.secrets import REDACTED
from hub_core.store import tables as t

if TYPE_CHECKING:
    from hub_core.config.operator import Config

_PASSWORD = re.compile(r"://[^:/@\s]*:([^@/\s]+)@")


@dataclass(frozen=True)
class Member:
    """A file of a set.

    Its name there, where it is, and what its digest must be where that is known.
    """

    name: str
    path: Path
    digest: str | None = None


def members(config: Config, rows: sa.Connection) -> Iterator[Member]:
    """The files that rows name. Raises StoreError where one cannot be read."""
    yield from _catalogues(config, rows)
    for each in installed.read(config.home)[0]:
        path = installed.folder(config.home) / each.name / installed.ABOUT
        yield Member(f"installed/{each.name}/{installed.ABOUT}", path)
    c = t.submission.c
    for path in (
        rows.execution_options(yield_per=1000).execute(sa.select(c.path).order_by(c.path)).scalars()
    ):
        yield from _submission(config.landing, path)
    gathers: dict[tuple[str, str], list[str]] = {}
    for gather in rows.execute(sa.select(t.gather).order_by(t.gather.c.id)).mappings():
        gathers.setdefault((gather["province"], gather["provision"]), []).append(gather["id"])
    for (province, provision), ids in sorted(gathers.items()):
        yield from _landings(config.landing, province, provision, ids)


def _catalogues(config: Config, rows: sa.Connection) -> Iterator[Member]:
    """Catalogues by digest; one of a submission that was made elsewhere may not be here."""
    named = set(rows.execute(sa.select(t.catalogue.c.digest)).scalars())
    named |= set(rows.execute(sa.select(t.submission.c.catalogue_digest).distinct()).scalars())
    for text in rows.execute(sa.select(t.release.c.manifest)).scalars():
        named.add(RELEASE_MANIFESTS.read(text).catalogue)
    for digest in sorted(named):
        path = config.home / "catalogues" / f"{digest}.json"
        if path.is_file():
            yield Member(f"catalogues/{path.name}", path, digest)


def _submission(zone: Path, place: str) -> Iterator[Member]:
    path = zone / place / MANIFEST
    try:
        manifest = MANIFESTS.read(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unreadable(path) from error
    for name, digest in sorted(manifest.files.items()):
        yield Member(f"landing/{place}/{name}", zone / place / name, digest)
    yield Member(f"landing/{place}/{MANIFEST}", path)


def _landings(zone: Path, province: str, provision: str, ids: list[str]) -> Iterator[Member]:
    """The landings of a provision with their parts, each once.

    A gather that failed early landed nothing.
    """
    folder, named = (
        LandingZone(zone).provision(province, provision),
        f"landing/{province}/{provision}",
    )
    parts: set[str] = set()
    for gather in ids:
        path = folder / "gathers" / gather / "landing.json"
        if not path.exists():
            continue
        try:
            landing = LANDINGS.read(path.read_bytes())
        except (OSError, ValueError) as error:
            raise _unreadable(path) from error
        for part in landing.parts:
            if part.digest not in parts:
                parts.add(part.digest)
                yield Member(
                    f"{named}/parts/{part.digest}.zst", folder / "parts" / f"{part.digest}.zst"
                )
        if (path.parent / QUARANTINE).exists():
            yield Member(f"{named}/gathers/{gather}/{QUARANTINE}", path.parent / QUARANTINE)
        yield Member(f"{named}/gathers/{gather}/landing.json", path)


def _unreadable(path: Path) -> StoreError:
    return StoreError(
        f"{path} cannot be read: hub doctor says what is to be done; a set must be whole"
    )


def configuration(folder: Path) -> Iterator[tuple[str, bytes, list[str]]]:
    """The files of config/: name, content, and the keys of secrets that stood there in the open and were left out.

    Raises ConfigurationError where a secret cannot be left out.
    """
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in inner.parts):
            continue
        content, keys = path.read_bytes(), list[str]()
        if path.suffix == ".toml":
            content, keys = _without_secrets(f"config/{inner.as_posix()}", content)
        yield f"config/{inner.as_posix()}", content, keys


def _without_secrets(name: str, content: bytes) -> tuple[bytes, list[str]]:
    try:
        text = content.decode("utf-8-sig")
        found = dict(_secrets(tomllib.loads(text)))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{name}: {error}") from error
    if not found:
        return content, []
    for secret in found.values():
        text = text.replace(f":{secret}@", f":{REDACTED}@")
        for quote in ('"', "'"):
            text = text.replace(f"{quote}{secret}{quote}", f"{quote}{REDACTED}{quote}")
    left = {key for key, value in _secrets(tomllib.loads(text)) if value != REDACTED}
    if left:
        what = f"{', '.join(sorted(left))} holds a secret in the open"
        raise ConfigurationError(f"{name}: {what}; write secret:NAME, then make the set")
    return text.encode(), [f"{name}: {key}" for key in found]


def _secrets(told: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Keys and values of secrets in the open, passwords in addresses among them."""
    if isinstance(told, dict):
        for name, inner in told.items():
            yield from _secrets(inner, name)
    elif isinstance(told, list):
        for inner in told:
            yield from _secrets(inner, key)
    elif isinstance(told, str):
        if open_secrets({key: told}):
            yield key, told
        elif found := _PASSWORD.search(told):
            yield key, found[1]
