"""A province's own system user: who that is, and what of a home its child may reach."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hub_core.errors import ConfigurationError


@dataclass(frozen=True)
class SystemUser:
    """A user of this machine."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of(cls, province: str, name: str) -> SystemUser:
        """Return the user that a province's child runs as.

        Raises ConfigurationError where a child cannot run as that user.
        """
        if os.geteuid() != 0:
            what = f'isolation = "user" needs a hub that runs as root, to start a child as {name}'
            raise ConfigurationError(f"{what}; this one runs as {os.geteuid()}", province=province)
        try:
            entry = pwd.getpwnam(name)
        except KeyError as error:
            what = f"there is no system user {name}; make it with: useradd --system {name}"
            raise ConfigurationError(what, province=province) from error
        if entry.pw_uid == 0:
            raise ConfigurationError(
                f"{name} is root: a child needs a user of its own", province=province
            )
        return cls(name, entry.pw_uid, entry.pw_gid)

    def lend(self, scratch: Path) -> None:
        """Give the user a scratch folder, and a way to it."""
        scratch.parent.chmod(scratch.parent.stat().st_mode | 0o011)
        os.chown(scratch, self.uid, self.gid)

    def let_read(self, home: Path, landing: Path, province: str) -> None:
        """Let the user read what its own province has landed.

        Neither what another province has landed nor the database can be read.
        """
        for path in (
            *filter(Path.is_file, home.glob("*")),
            *filter(Path.is_dir, landing.glob("*")),
        ):
            if path.parent == landing and path.name == province:
                os.chown(path, -1, self.gid)
                path.chmod(0o750)
            elif path.stat().st_mode & 0o007:
                path.chmod(path.stat().st_mode & ~0o007)


def take_back(scratch: Path) -> None:
    """Make the hub the owner of all that a user left in its scratch folder; no link is followed."""
    hub_ids = os.geteuid(), os.getegid()
    for path in (scratch, *_below(scratch)):
        with suppress(FileNotFoundError):
            os.chown(path, *hub_ids, follow_symlinks=False)


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        yield from (Path(root, name) for name in (*folders, *files))


def cannot_start(user: SystemUser | None, python: str, error: OSError) -> ConfigurationError:
    """Return the error that a user cannot run a child's Python."""
    who = f"system user {user.name}" if user else "the hub"
    return ConfigurationError(f"{who} cannot run {python}: {error.strerror}")
