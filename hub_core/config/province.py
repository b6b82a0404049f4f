"""A province as its package declares it: who they are, and one file for each provision."""

from __future__ import annotations

import csv
import hashlib
import importlib.resources
import re
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    StringConstraints,
    ValidationError,
    model_validator,
)

from hub_core.errors import ConfigurationError, MappingError, PluginError
from hub_core.mapping import OWN_WORDS, Code, CodeTable, Declared, Mapping, Nil
from hub_core.model.formats import explain
from hub_core.model.hours import Hours
from hub_core.model.org_unit import Validity
from hub_core.model.period import Period

_ID = re.compile(r"(?=.{1,63}$)[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")
_SECRET = re.compile(r"secret:([a-z][a-z0-9]*(?:_[a-z0-9]+)*)")
CATALOGUE = "catalogue"  # the table of the names and aliases that the catalogue lists
_SECRET_KEYS = {"token", "password", "secret", "api_key", "key"}
Model = TypeVar("Model", bound=Declared)


class Provider(Declared):
    """The department that answers for the figures, under one name for a time."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*\.[A-Z][A-Z0-9_]*$")]
    name: str
    valid_from: date | None = None
    valid_to: date | None = None


class Ignore(Declared):
    """Columns that the mapping leaves alone, each by name, so that none is lost unseen."""

    columns: list[str] = []


def _label(text: str) -> str:
    return str(Period.parse(text))


def _hours(text: str) -> str:
    return str(Hours.parse(text))


class Provision(Declared):
    """One provider's promise to report one dataflow: source, reader and mapping.

    ``periods``: those asked for, all that are found, or the ones that it holds and is asked for.
    Without ``map`` the reader speaks the hub's own words. ``hours``: when its system may be asked,
    in Vietnam's time.
    """

    dataflow: str
    provider: str
    hours: Annotated[str, AfterValidator(_hours)] | None = None
    periods: Literal["asked", "all"] | list[Annotated[str, AfterValidator(_label)]] = "asked"
    calendar: Literal["S", "A"] | None = None
    prepare: Annotated[str, StringConstraints(pattern=r"^[\w.]+:\w+$")] | None = None
    source: dict[str, Any]
    reader: dict[str, Any]
    map: Mapping = OWN_WORDS
    nil: Nil | None = None
    measures: dict[str, str] = {}
    ignore: Ignore = Ignore()

    @model_validator(mode="after")
    def _long_or_wide(self) -> Self:
        wide = bool(self.measures)
        if wide == (self.map.indicator is not None):
            raise ValueError(
                "name the indicator either by map.indicator or by the columns under [measures]"
            )
        if wide == (self.map.value.column is not None):
            raise ValueError("map.value.column and [measures] say the same thing: give one of them")
        for part, settings in (("source", self.source), ("reader", self.reader)):
            if not isinstance(settings.get("kind"), str):
                raise ValueError(f"{part}.kind is missing")
        for key in open_secrets(self.source):
            raise ValueError(
                f'{key} holds a secret in the open; write {key} = "secret:NAME" '
                "and set NAME in the hub"
            )
        return self

    def is_asked_for(self, period: str) -> bool:
        """Tell whether a period is to be asked for, or among those that the source holds."""
        return isinstance(self.periods, str) or period in self.periods

    @property
    def asks_by_period(self) -> bool:
        """Whether its source has a place for the period."""
        return any(
            "{" + name + "}" in str(self.source) for name in ("period", "year", "first", "last")
        )


class Contact(Declared):
    """Whom to ask about a package: a name, an e-mail address and a telephone number.

    ``bare``: whether the package says it in one text, as before 1.0; the text is the name then.
    """

    name: Annotated[str, StringConstraints(min_length=1)]
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | Literal[""]
    telephone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ().-]{4,}$")] | Literal[""]

    @property
    def bare(self) -> bool:
        """Whether there is a name and no way to reach it."""
        return not self.email and not self.telephone

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.name, self.email, self.telephone)))


def _contact(declared: object) -> object:
    """Read a contact that is a bare text as a name."""
    if isinstance(declared, str):
        return Contact(name=declared, email="", telephone="")
    if isinstance(declared, dict) and not all(declared.get(key) for key in Contact.model_fields):
        raise ValueError("name, email and telephone are needed")
    return declared


@dataclass(frozen=True)
class Province:
    """A province, or another agency, with its providers and provisions by name."""

    id: str
    name: str
    kind: Literal["province", "agency"]
    contact: Contact
    providers: tuple[Provider, ...]
    allowed_hosts: tuple[str, ...]
    provisions: dict[str, Provision]
    root: Path

    @classmethod
    def from_package(cls, package: str) -> Province:
        """Read the province that a package's own files declare; call it with ``__name__``."""
        root = importlib.resources.files(package)
        if not isinstance(root, Path):
            raise PluginError(f"package {package} is not a folder of files")
        return read(root)

    def table(self, codes: str | dict[str, str], where: str) -> CodeTable:
        """Return a code table that a mapping rule names: inline, or a CSV file of the package.

        ``where``: the provision's file and the field, for messages. Raises MappingError.
        """
        if isinstance(codes, dict):
            return CodeTable(where, [Code(source, target) for source, target in codes.items()])
        path = (self.root / codes).resolve()
        if self.root.resolve() not in path.parents:
            raise MappingError(f"{where}: {codes} is outside the package", province=self.id)
        return CodeTable(f"{where}: {path.name}", list(_codes(path)))

    def mapping_digest(self, provision: str) -> str:
        """Return the sha256 over what a provision declares and the code tables that it names."""
        declaration = self.provisions[provision]
        words = declaration.model_dump_json(exclude={"source"}, exclude_unset=True)  # as declared
        digest = hashlib.sha256(words.encode())
        rules = [
            declaration.map.org_unit,
            declaration.map.indicator,
            declaration.map.status,
            declaration.map.measure,
        ]
        for rule in [*rules, *declaration.map.dims.values()]:
            for table in rule.tables if rule else []:
                if isinstance(table, str) and table != CATALOGUE:
                    digest.update((self.root / table).read_bytes())
        return digest.hexdigest()

    @cached_property
    def digest(self) -> str:
        """The sha256 over all files of the package, as they were when it was first asked for."""
        digest = hashlib.sha256()
        for path in sorted(
            p for p in self.root.rglob("*") if p.is_file() and "__pycache__" not in p.parts
        ):
            digest.update(
                f"{path.relative_to(self.root).as_posix()}\t{path.stat().st_size}\n".encode()
            )
            digest.update(path.read_bytes())
        return digest.hexdigest()


def _identity(text: str) -> str:
    """Check that a province's id is words in a-z and 0-9 with one _ between them.

    Raises ValueError for other ids, and for ``hub``, which is the hub's own.
    """
    if not _ID.fullmatch(text) or text == "hub":
        raise ValueError("an id is words in a-z and 0-9 with one _ between them, and not hub")
    return text


class _Declaration(Declared):
    """``province.toml``."""

    id: Annotated[str, AfterValidator(_identity)]
    name: str
    kind: Literal["province", "agency"] = "province"
    contact: Annotated[Contact, BeforeValidator(_contact)]
    allowed_hosts: list[str] = []
    providers: list[Provider]


def read(root: Path) -> Province:
    """Read a province from the folder of its package, as files; nothing of it is imported.

    Raises PluginError or ConfigurationError naming the file and the key.
    """
    declaration = _load(root / "province.toml", _Declaration)
    files = [path for path in sorted(root.glob("*.toml")) if path.name != "province.toml"]
    misnamed = [path.name for path in files if not _WORD.fullmatch(path.stem)]
    if misnamed:
        raise ConfigurationError(
            f"{', '.join(misnamed)}: a provision's file is named in a-z, 0-9 and _",
            province=declaration.id,
        )
    provisions = {path.stem: _load(path, Provision) for path in files}
    provider_ids = {provider.id for provider in declaration.providers}
    for name, provision in provisions.items():
        if provision.provider not in provider_ids:
            raise ConfigurationError(
                f"{name}.toml: provider {provision.provider} does not stand in province.toml",
                province=declaration.id,
            )
    return Province(
        id=declaration.id,
        name=declaration.name,
        kind=declaration.kind,
        contact=declaration.contact,
        providers=tuple(declaration.providers),
        allowed_hosts=tuple(declaration.allowed_hosts),
        provisions=provisions,
        root=root,
    )


def secrets_named(value: object) -> set[str]:
    """List the names of the secrets that a declaration refers to, as ``secret:name``."""
    if isinstance(value, dict):
        return {name for inner in value.values() for name in secrets_named(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in secrets_named(inner)}
    return set(_SECRET.findall(value)) if isinstance(value, str) else set()


def with_secrets(value: Any, secrets: dict[str, str]) -> Any:
    """Replace the references to secrets in a declaration by their values."""
    if isinstance(value, dict):
        return {key: with_secrets(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_secrets(inner, secrets) for inner in value]
    if isinstance(value, str):
        return _SECRET.sub(lambda match: secrets[match.group(1)], value)
    return value


def open_secrets(value: object, key: str = "") -> list[str]:
    """List the keys that should hold a reference to a secret, and hold something else."""
    if isinstance(value, dict):
        return [
            open_key
            for inner_key, inner in value.items()
            for open_key in open_secrets(inner, inner_key)
        ]
    bare = key in _SECRET_KEYS and isinstance(value, str) and not _SECRET.fullmatch(value)
    return [key] if bare else []


def _load(path: Path, model: type[Model]) -> Model:
    try:
        table = tomllib.loads(unicodedata.normalize("NFC", path.read_text(encoding="utf-8-sig")))
        return model.model_validate(table)
    except FileNotFoundError as error:
        raise PluginError(f"{path.name} is missing in {path.parent}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {explain(error)}") from error


def _codes(path: Path) -> list[Code]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MappingError(f"code table {path.name} cannot be read: {error}") from error
    codes = []
    for line, row in enumerate(rows, 2):
        if not row.get("source") or not row.get("target"):
            raise MappingError(f"code table {path.name}, line {line}: source and target are needed")
        try:
            days = [
                date.fromisoformat(text) if text else None
                for text in (row.get("valid_from"), row.get("valid_to"))
            ]
        except ValueError as error:
            raise MappingError(f"code table {path.name}, line {line}: {error}") from error
        codes.append(Code(row["source"], row["target"], Validity(*days)))
    return codes
