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
    """The secrets of a home.

    What hub.toml says of them by owner and name, and the hub's environment.
    """

    home: Path
    told: Mapping[str, Mapping[str, SecretSettings]]
    environment: Mapping[str, str]

    @classmethod
    def of(cls, config: Config) -> Secrets:
        """The secrets of a home that is read, and of this process's environment."""
        return cls(config.home, config.settings.secrets, os.environ)

    def resolve(self, owner: str, names: Iterable[str], *, run: bool = True) -> dict[str, str]:
        """The values of one owner's secrets by name. Raises ConfigurationError naming all that are not to be had.

        ``run``: whether commands may be run; where not, a placeholder stands for what they would
        print.
        """
        found, wrong = dict[str, str](), list[str]()
        for name in sorted(names):
            try:
                found[name] = self._value(owner, name, run=run)
            except ConfigurationError as error:
                wrong.append(f"secret {name} of {owner}: {error.message}")
        if wrong:
            raise ConfigurationError("; ".join(wrong))
        return found

    def origin(self, owner: str, name: str) -> Origin | None:
        """Where a secret comes from; None where there is nothing."""
        told = self.told.get(owner, {}).get(name)
        if told and told.command:
            return Origin("command", tuple(told.command))
        if told and told.file:
            return Origin("file", (str(self.home / told.file),))
        if told and told.environment:
            return Origin("environment", (told.environment,))
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
        """Write a secret to the home's own file; where it is. Raises ConfigurationError where it can be none.

        ``value``: its bytes as typed or piped in, with or without a line's end.
        """
        for word in (owner, name):
            if not _WORD.fullmatch(word):
                raise ConfigurationError(
                    f"{word}: owner and name are words in a-z and 0-9 with one _ between them"
                )
        return files.keep(self.home, owner, name, _text(value, "the value").encode())

    def kept(self) -> list[Names]:
        """Owner and name of each secret in the home's own files."""
        found = (self.home / "secrets").glob("*/*")
        return sorted(
            (path.parent.name, path.name) for path in found if not path.name.startswith(".")
        )

    def places(self) -> list[Path]:
        """The folder and the files that hold values, which no province's code may read."""
        named = [told.file for names in self.told.values() for told in names.values() if told.file]
        return [self.home / place for place in ("secrets", *named)]

    def _value(self, owner: str, name: str, *, run: bool) -> str:
        origin = self.origin(owner, name)
        if origin is None:
            where = f"hub secret set {owner} {name}, or {variable(owner, name)} in the hub's environment"
            raise ConfigurationError(f"it is not set: {where}")
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
    """Who refers to each secret, by owner and name: provisions and deliveries."""
    from hub_core.config.province import secrets_named

    found: dict[Names, list[str]] = {}
    for owner, province in sorted(provinces.items()):
        for provision, declared in sorted(province.provisions.items()):
            here = config.settings.sources.get(owner, {}).get(provision, {})
            for name in secrets_named(declared.source | here):
                found.setdefault((owner, name), []).append(f"{owner}/{provision}")
    for each in config.deliveries:
        for name in secrets_named(each.sink):
            found.setdefault((HUB, name), []).append(
                f"delivery of {each.dataflow} to {each.recipient}"
            )
    return dict(sorted(found.items()))


def variable(owner: str, name: str) -> str:
    """The environment variable that holds a secret of a province, or of the hub itself, where hub.toml says nothing."""
    return f"HUB_SECRET_{owner}__{name}".upper()


def redact(text: str, secrets: Iterable[str]) -> str:
    """A text without the values of secrets, as they are and as Python and JSON write them."""
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=lambda each: (-len(each), each)):
        text = text.replace(form, REDACTED)
    return text


def _forms(secret: str) -> Iterator[str]:
    """The ways in which a secret may stand in a message.

    One of several lines, such as a key, also line by line.
    """
    lines = [line.strip() for line in secret.splitlines()]
    for each in (secret, secret.strip(), *(line for line in lines if len(line) >= _LINE)):
        if each:
            yield from (
                each,
                repr(each)[1:-1],
                json.dumps(each)[1:-1],
                json.dumps(each, ensure_ascii=False)[1:-1],
            )


def _text(content: bytes, where: str) -> str:
    """A value from its bytes, without the last line's end.

    Raises ConfigurationError where it is none.
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
