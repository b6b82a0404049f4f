"""Secrets by reference: resolved for one owner alone, and kept out of everything that is written.

A secret has an owner, a province or the ``hub`` itself, and a name. Its value comes from where
hub.toml says; where it says nothing, from the environment; where there is nothing, from the home's
``secrets/<owner>/<name>``.
"""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hub_core.errors import ConfigurationError
from hub_core.secrets import commands, files

if TYPE_CHECKING:
    from hub_core.config.operator import Config
    from hub_core.config.province import Province
    from hub_core.config.settings import SecretSettings

HUB = "hub"  # the owner of what deliveries need
MOST = 65_536  # bytes of a value
REDACTED = "[secret]"
NOT_RUN = "placeholder"  # in place of what a command would print
_READ = MOST + 6  # bytes: the value, a mark at its beginning, a line's end, and one too many
_LINE = 8  # letters of a line of a secret that is struck out by itself
_WORD = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
Names = tuple[str, str]  # owner and name


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a secret's value comes from: a variable, a path, or a command's words."""

    kind: Literal["environment", "file", "command"]
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.words[0]}"


@dataclass(frozen=True)
class Secrets:
    """The secrets of a home: what hub.toml says of them, and the hub's environment.

    ``settings``: by owner and name.
    """

    home: Path
    settings: Mapping[str, Mapping[str, SecretSettings]]
    environment: Mapping[str, str]

    @classmethod
    def of(cls, config: Config) -> Secrets:
        """Return the secrets of a home whose configuration is read, and of this environment."""
        return cls(config.home, config.settings.secrets, os.environ)

    def resolve(self, owner: str, names: Iterable[str], *, run: bool = True) -> dict[str, str]:
        """Return the values of one owner's secrets by name.

        ``run``: whether commands may be run; where not, a placeholder stands for what they would
        print. Raises ConfigurationError naming all secrets that cannot be had.
        """
        values, problems = dict[str, str](), list[str]()
        for name in sorted(names):
            try:
                values[name] = self._value(owner, name, run=run)
            except ConfigurationError as error:
                problems.append(f"secret {name} of {owner}: {error.message}")
        if problems:
            raise ConfigurationError("; ".join(problems))
        return values

    def origin(self, owner: str, name: str) -> Origin | None:
        """Return where a secret comes from; None where there is nothing."""
        declared = self.settings.get(owner, {}).get(name)
        if declared and declared.command:
            return Origin("command", tuple(declared.command))
        if declared and declared.file:
            return Origin("file", (str(self.home / declared.file),))
        if declared and declared.environment:
            return Origin("environment", (declared.environment,))
        if self.environment.get(variable(owner, name), "").strip():
            return Origin("environment", (variable(owner, name),))
        path = self.home / "secrets" / owner / name
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # it may be there: whoever reads it is told why it cannot be read
            pass
        return Origin("file", (str(path),))

    def keep(self, owner: str, name: str, value: bytes) -> Path:
        """Write a secret to the home's own file, and return the file's path.

        ``value``: its bytes as typed or piped in, with or without a line's end. Raises
        ConfigurationError where owner, name or value cannot be those of a secret.
        """
        for word in (owner, name):
            if not _WORD.fullmatch(word):
                raise ConfigurationError(
                    f"{word}: owner and name are words in a-z and 0-9 with one _ between them"
                )
        return files.keep(self.home, owner, name, _text(value, "the value").encode())

    def kept(self) -> list[Names]:
        """List owner and name of each secret in the home's own files."""
        paths = (self.home / "secrets").glob("*/*")
        return sorted(
            (path.parent.name, path.name) for path in paths if not path.name.startswith(".")
        )

    def places(self) -> list[Path]:
        """List the folder and the files that hold values, which no province's code may read."""
        named = [
            secret.file
            for names in self.settings.values()
            for secret in names.values()
            if secret.file
        ]
        return [self.home / place for place in ("secrets", *named)]

    def _value(self, owner: str, name: str, *, run: bool) -> str:
        origin = self.origin(owner, name)
        if origin is None:
            set_it = f"hub secret set {owner} {name}"
            or_else = f"{variable(owner, name)} in the hub's environment"
            raise ConfigurationError(f"it is not set: {set_it}, or {or_else}")
        if origin.kind == "environment":
            content = os.fsencode(self.environment.get(origin.words[0], ""))
            if not content.strip():
                raise ConfigurationError(f"{origin} is not set")
        elif origin.kind == "file":
            granted = self.environment.get("CREDENTIALS_DIRECTORY")
            content = files.content(Path(origin.words[0]), _READ, granted)
        elif run:
            content = commands.output(origin.words, _READ, self.environment, self.home)
        else:
            return NOT_RUN
        return _text(content, str(origin))


def references(config: Config, provinces: Mapping[str, Province]) -> dict[Names, list[str]]:
    """List who refers to each secret, by owner and name: provisions and deliveries."""
    from hub_core.config.province import secrets_named

    users: dict[Names, list[str]] = {}
    for owner, province in sorted(provinces.items()):
        for provision, declared in sorted(province.provisions.items()):
            overrides = config.settings.sources.get(owner, {}).get(provision, {})
            for name in secrets_named(declared.source | overrides):
                users.setdefault((owner, name), []).append(f"{owner}/{provision}")
    for delivery in config.deliveries:
        for name in secrets_named(delivery.sink):
            users.setdefault((HUB, name), []).append(
                f"delivery of {delivery.dataflow} to {delivery.recipient}"
            )
    return dict(sorted(users.items()))


def variable(owner: str, name: str) -> str:
    """Return the environment variable of an owner's secret, where hub.toml says nothing of it."""
    return f"HUB_SECRET_{owner}__{name}".upper()


def redact(text: str, secrets: Iterable[str]) -> str:
    """Strike the values of secrets out of a text, as they are and as Python and JSON write them."""
    spellings = {spelling for secret in secrets for spelling in _forms(secret)}
    for spelling in sorted(spellings, key=lambda s: (-len(s), s)):
        text = text.replace(spelling, REDACTED)
    return text


def _forms(secret: str) -> Iterator[str]:
    """Yield the ways in which a secret may be spelt in a message.

    One of several lines, such as a key, is also spelt line by line.
    """
    lines = [line.strip() for line in secret.splitlines()]
    for text in (secret, secret.strip(), *(line for line in lines if len(line) >= _LINE)):
        if text:
            yield from (
                text,
                repr(text)[1:-1],
                json.dumps(text)[1:-1],
                json.dumps(text, ensure_ascii=False)[1:-1],
            )


def _text(content: bytes, where: str) -> str:
    """Decode a value from its bytes, without the last line's end.

    Raises ConfigurationError where it is empty, too long or no UTF-8.
    """
    content = content.removeprefix(codecs.BOM_UTF8).removesuffix(b"\n").removesuffix(b"\r")
    if len(content) > MOST:
        raise ConfigurationError(f"{where} holds more than {MOST} bytes")
    if not content.strip():
        raise ConfigurationError(f"{where} is empty")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(
            f"{where} holds bytes that are no UTF-8"
        ) from None  # which would hold the value
