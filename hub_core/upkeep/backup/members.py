"""What belongs in a set beside the database.

These are the files that its rows name, and the configuration without secrets.
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

    It has its name there, where it is, and what its digest must be where that is known.
    """

    name: str
    path: Path
    digest: str | None = None


def members(config: Config, rows: sa.Connection) -> Iterator[Member]:
    """Yield the files that rows name. Raises StoreError where one cannot be read."""
    yield from _catalogues(config, rows)
    for install in installed.read(config.home)[0]:
        path = installed.folder(config.home) / install.name / installed.ABOUT
        yield Member(f"installed/{install.name}/{installed.ABOUT}", path)
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
    """Yield catalogues by digest; one of a submission that was made elsewhere may not be here."""
    digests = set(rows.execute(sa.select(t.catalogue.c.digest)).scalars())
    digests |= set(rows.execute(sa.select(t.submission.c.catalogue_digest).distinct()).scalars())
    for text in rows.execute(sa.select(t.release.c.manifest)).scalars():
        digests.add(RELEASE_MANIFESTS.read(text).catalogue)
    for digest in sorted(digests):
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
    """Yield the landings of a provision with their parts, each once.

    A gather that failed early landed nothing.
    """
    folder, member_folder = (
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
                    f"{member_folder}/parts/{part.digest}.zst",
                    folder / "parts" / f"{part.digest}.zst",
                )
        if (path.parent / QUARANTINE).exists():
            yield Member(f"{member_folder}/gathers/{gather}/{QUARANTINE}", path.parent / QUARANTINE)
        yield Member(f"{member_folder}/gathers/{gather}/landing.json", path)


def _unreadable(path: Path) -> StoreError:
    return StoreError(
        f"{path} cannot be read: hub doctor says what is to be done; a set must be whole"
    )


def config_files(folder: Path) -> Iterator[tuple[str, bytes, list[str]]]:
    """Yield the files of config/ with name, content, and the keys whose open secrets were left out.

    Raises ConfigurationError where a secret cannot be left out.
    """
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in relative.parts):
            continue
        content, keys = path.read_bytes(), list[str]()
        if path.suffix == ".toml":
            content, keys = _without_secrets(f"config/{relative.as_posix()}", content)
        yield f"config/{relative.as_posix()}", content, keys


def _without_secrets(name: str, content: bytes) -> tuple[bytes, list[str]]:
    try:
        text = content.decode("utf-8-sig")
        secrets = dict(_open_secrets(tomllib.loads(text)))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{name}: {error}") from error
    if not secrets:
        return content, []
    for secret in secrets.values():
        text = text.replace(f":{secret}@", f":{REDACTED}@")
        for quote in ('"', "'"):
            text = text.replace(f"{quote}{secret}{quote}", f"{quote}{REDACTED}{quote}")
    still_open = {key for key, value in _open_secrets(tomllib.loads(text)) if value != REDACTED}
    if still_open:
        what = f"{', '.join(sorted(still_open))} holds a secret in the open"
        raise ConfigurationError(f"{name}: {what}; write secret:NAME, then make the set")
    return text.encode(), [f"{name}: {key}" for key in secrets]


def _open_secrets(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield keys and values of secrets in the open, passwords in addresses among them."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _open_secrets(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _open_secrets(inner, key)
    elif isinstance(value, str):
        if open_secrets({key: value}):
            yield key, value
        elif match := _PASSWORD.search(value):
            yield key, match[1]
