"""The operator's settings: ``hub.toml``, and how every piece of TOML is read."""

from __future__ import annotations

import re
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from hub_core.errors import ConfigurationError
from hub_core.model.formats import explain

Words = Annotated[str, StringConstraints(pattern=r"^[^\x00]+$")]


class Configured(BaseModel):
    """A piece of the operator's TOML: frozen, and strict about what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(Configured):
    """Where the database and the landing zone are; paths are relative to the home."""

    database: str = "sqlite:///hub.db"
    landing: str = "landing"


class PluginSettings(Configured):
    """Packages that the hub process itself loads, and folders of packages not installed."""

    trusted: list[str] = ["connectors"]
    folders: list[str] = []


class GatherSettings(Configured):
    """What children may take.

    ``seconds``: for a provision; ``memory_mb``, ``file_mb``, ``scratch_mb``: mebibytes of memory,
    in one file and in a scratch folder; ``processes``: how many run at once; ``allow_loopback``:
    whether hosts of this machine may be asked.
    """

    seconds: Annotated[float, Field(gt=0)] = 600
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    allow_loopback: bool = False
    memory_mb: Annotated[int, Field(ge=256)] = 2048
    file_mb: Annotated[int, Field(ge=1)] = 4096
    scratch_mb: Annotated[int, Field(ge=1)] = 16384


class ProvinceSettings(Configured):
    """How far a province's code is isolated: by the hub's guard, or as its own system user too."""

    isolation: Literal["guarded", "user"] = "guarded"
    user: str | None = None

    @model_validator(mode="after")
    def _names_its_user(self) -> ProvinceSettings:
        if (self.isolation == "user") != (self.user is not None):
            raise ValueError('isolation = "user" and user = "NAME" go together')
        return self


class Schedule(Configured):
    """When the night begins, what becomes of missed nights, and when a failed run is tried again.

    ``night``: in Vietnam's time. ``missed``: ``run_each`` makes up for every one, ``run_latest``
    for the last one, ``skip`` for none; one that begins up to ``grace_minutes`` late was not
    missed. ``retry_minutes``: how long after a run that failed, and might not fail later, the next
    is made; as many tries as there are numbers.
    """

    night: time = time(2)
    missed: Literal["run_each", "run_latest", "skip"] = "run_latest"
    grace_minutes: Annotated[int, Field(ge=1, le=720)] = 60
    retry_minutes: list[Annotated[int, Field(ge=1)]] = [10, 30, 90]


class SecretSettings(Configured):
    """Where a secret's value comes from: a file, a command's output or an environment variable.

    ``file``: a relative path is taken from the home; ``command``: its words, run without a shell.
    """

    file: Words | None = None
    command: Annotated[list[Words], Field(min_length=1)] | None = None
    environment: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = (
        None
    )

    @model_validator(mode="before")
    @classmethod
    def _is_no_secret(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return value
        ways = "{ file = ... }, { command = [...] } or { environment = ... }"
        raise ValueError(f"holds a secret in the open; say where it comes from: {ways}")

    @model_validator(mode="after")
    def _comes_from_one_place(self) -> SecretSettings:
        if len(self.model_fields_set) != 1:
            raise ValueError("give one of file, command and environment")
        return self


class HubSettings(Configured):
    """``hub.toml``."""

    name: str
    origin_start: date = date(2025, 1, 1)
    store: StoreSettings = StoreSettings()
    plugins: PluginSettings = PluginSettings()
    gather: GatherSettings = GatherSettings()
    schedule: Schedule = Schedule()
    provinces: dict[str, ProvinceSettings] = {}
    """How single provinces are kept apart, by the name of their package."""
    sources: dict[str, dict[str, dict[str, Any]]] = {}
    """Where this hub finds a province's systems, by province and provision.

    Keys put over the package's own.
    """
    secrets: dict[str, dict[str, SecretSettings]] = {}
    """Where secrets come from, by owner (a province, or ``hub``) and name, where nowhere else."""


Model = TypeVar("Model", bound=Configured)


def settings_of(home: Path) -> HubSettings:
    """Read ``hub.toml`` alone. Raises ConfigurationError."""
    path = home.resolve() / "config" / "hub.toml"
    if not path.exists():
        raise ConfigurationError(
            f"{home} is no hub's home: {path} is missing (make one with: hub init)"
        )
    return read(path, HubSettings)


def database_of(home: Path, settings: HubSettings) -> str:
    """Return the database's URL, a relative SQLite path taken from the home."""
    url, prefix = settings.store.database, "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/"):
        return prefix + str((home / url.removeprefix(prefix)).resolve())
    return url


def has_worked(home: Path, settings: HubSettings) -> bool:
    """Tell whether a hub has worked in a home: something was landed or admitted."""
    return any((home / settings.store.landing).glob("*/*"))


def read(path: Path, model: type[Model]) -> Model:
    """Read a piece of TOML as its model. Raises ConfigurationError naming the file and the key."""
    table: dict[str, Any] = {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return model.model_validate(table)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_by_name(explain(error), table)}") from error


def _by_name(text: str, table: dict[str, Any]) -> str:
    """Name obligations in an explanation by their provider, not by their place alone."""

    def named(match: re.Match[str]) -> str:
        obligation = table["obligation"][int(match[1])]
        who = obligation.get("provider", "nobody") if isinstance(obligation, dict) else "nobody"
        return f"obligation {int(match[1]) + 1} of {who}"

    return re.sub(r"(?:^|(?<=; ))obligation\.([0-9]+)", named, text)
