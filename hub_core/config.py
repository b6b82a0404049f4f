"""The operator's configuration: hub.toml, obligations, deliveries and holidays of a hub's home."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from hub_core import structures, working_days
from hub_core.contracts import explain
from hub_core.due_rules import DueRule
from hub_core.errors import ConfigurationError
from hub_core.model.catalogue import Catalogue
from hub_core.model.org_unit import Validity

Frequency = Literal["A", "S", "N", "Q", "M"]


def _due_rule(text: str) -> str:
    DueRule.parse(text)
    return text


class Configured(BaseModel):
    """A piece of the operator's TOML: frozen, and strict about what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(Configured):
    """Where the database and the landing zone are; paths are relative to the home."""

    database: str = "sqlite:///hub.db"
    landing: str = "landing"


class PluginSettings(Configured):
    """Packages that the hub process itself loads, and folders that hold packages which are not installed."""

    trusted: list[str] = ["connectors"]
    folders: list[str] = []


class GatherSettings(Configured):
    """How long a provision may take, how many children run at once, and whether loopback hosts may be asked."""

    seconds: Annotated[float, Field(gt=0)] = 600
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    allow_loopback: bool = False


class HubSettings(Configured):
    """``hub.toml``."""

    name: str
    origin_start: date = date(2025, 1, 1)
    store: StoreSettings = StoreSettings()
    plugins: PluginSettings = PluginSettings()
    gather: GatherSettings = GatherSettings()
    sources: dict[str, dict[str, dict[str, Any]]] = {}
    """Where this hub finds a province's systems, by province and provision: keys put over the package's own."""


class Obligation(Configured):
    """A provider's duty to report a dataflow: what it speaks for, and when it is due.

    ``due`` has a due rule for each frequency; ``when_closed`` says whether a due day on which offices are closed
    becomes the next working day (Civil Code 2015, article 148.5) or stays the same.
    """

    dataflow: str
    provider: str
    province: str
    speaks_for: Annotated[list[str], Field(min_length=1)]
    indicators: list[str] = []
    frequencies: Annotated[list[Frequency], Field(min_length=1)]
    due: dict[Frequency, Annotated[str, AfterValidator(_due_rule)]]
    when_closed: Literal["next", "same"] = "next"
    legal: str
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _each_frequency_has_a_rule(self) -> Obligation:
        if absent := [each for each in self.frequencies if each not in self.due]:
            raise ValueError(f"due has no rule for {', '.join(absent)}")
        return self

    @property
    def valid(self) -> Validity:
        """The days on which the duty holds."""
        return Validity(self.valid_from, self.valid_to)


class Delivery(Configured):
    """To whom a dataflow's releases go, by which writer and sink, from when to when."""

    dataflow: str
    recipient: str
    recipient_name: str
    writer: dict[str, Any] = {"kind": "json"}
    sink: dict[str, Any]
    valid_from: date | None = None
    valid_to: date | None = None

    @property
    def valid(self) -> Validity:
        """The days on which releases go there."""
        return Validity(self.valid_from, self.valid_to)


class _Obligations(Configured):
    obligation: list[Obligation]


class _Deliveries(Configured):
    delivery: list[Delivery] = []


Model = TypeVar("Model", bound=Configured)


@dataclass(frozen=True)
class Config:
    """A hub's home as configured; ``texts`` are the catalogue's files as read."""

    home: Path
    settings: HubSettings
    catalogue: Catalogue
    texts: dict[str, str]
    obligations: tuple[Obligation, ...]
    deliveries: tuple[Delivery, ...]
    announced: working_days.Announced = working_days.NOTHING

    @property
    def landing(self) -> Path:
        """The landing zone's folder."""
        return self.home / self.settings.store.landing

    @property
    def database(self) -> str:
        """The database's URL, a relative SQLite path taken from the home."""
        url = self.settings.store.database
        prefix = "sqlite:///"
        if url.startswith(prefix) and not url.startswith(prefix + "/"):
            return prefix + str((self.home / url.removeprefix(prefix)).resolve())
        return url

    @property
    def plugin_folders(self) -> list[Path]:
        """The folders of packages that are not installed."""
        return [(self.home / folder).resolve() for folder in self.settings.plugins.folders]

    def snapshot(self) -> Path:
        """The file that keeps the catalogue in use, by its digest."""
        return structures.keep(self.texts, self.home / "catalogues")


def load(home: Path) -> Config:
    """The configuration of a hub's home. Raises ConfigurationError naming the file and the key."""
    home = home.resolve()
    folder = home / "config"
    if not (folder / "hub.toml").exists():
        raise ConfigurationError(f"{home} is no hub's home: {folder / 'hub.toml'} is missing (make one with: hub init)")
    settings = _read(folder / "hub.toml", HubSettings)
    texts = structures.read_texts(folder)
    catalogue = structures.catalogue(texts)
    obligations = [o for path in _files(folder / "obligations") for o in _read(path, _Obligations).obligation]
    deliveries = [d for path in _files(folder / "deliveries") for d in _read(path, _Deliveries).delivery]
    announced = _announced(folder / "holidays.csv")
    config = Config(home, settings, catalogue, texts, tuple(obligations), tuple(deliveries), announced)
    problems = _problems(config)
    if problems:
        raise ConfigurationError("; ".join(problems))
    return config


def shipped() -> Path:
    """The configuration that comes with the hub: inside the wheel, or beside the source."""
    here = Path(__file__).parent
    for folder in (here / "_config", here.parent / "config"):
        if (folder / "hub.toml").exists():
            return folder
    raise ConfigurationError(f"{here} came without its configuration: install the hub again")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml"))


def _read(path: Path, model: type[Model]) -> Model:
    told: dict[str, Any] = {}
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return model.model_validate(told)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_by_name(explain(error), told)}") from error


def _by_name(text: str, told: dict[str, Any]) -> str:
    """An explanation that names an obligation by its provider and not by its place alone."""

    def named(found: re.Match[str]) -> str:
        duty = told["obligation"][int(found[1])]
        who = duty.get("provider", "nobody") if isinstance(duty, dict) else "nobody"
        return f"obligation {int(found[1]) + 1} of {who}"

    return re.sub(r"(?:^|(?<=; ))obligation\.([0-9]+)", named, text)


def _announced(path: Path) -> working_days.Announced:
    """The days that the operator states; none where there is no such file."""
    if not path.exists():
        return working_days.NOTHING
    try:
        return working_days.read(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _problems(config: Config) -> list[str]:
    """What the obligations and deliveries name that is not in the catalogue, and double voices."""
    catalogue = config.catalogue
    named = [(f"obligation of {o.provider}", o.dataflow) for o in config.obligations]
    named += [(f"delivery to {d.recipient}", d.dataflow) for d in config.deliveries]
    problems = [f"{what} names dataflow {d}, which is not there" for what, d in named if d not in catalogue.dataflows]
    for duty in config.obligations:
        of = f"obligation of {duty.provider}"
        codes = {each.code for each in catalogue.of_dataflow(duty.dataflow)}
        flow = catalogue.dataflows.get(duty.dataflow)
        problems += [f"{of} names {u}, which is not there" for u in duty.speaks_for if u not in catalogue.org_units]
        problems += [
            f"{of} names {i}, which is not there or not of {duty.dataflow}" for i in duty.indicators if i not in codes
        ]
        problems += [
            f"{of}: {duty.dataflow} is not reported by {f}"
            for f in duty.frequencies
            if flow and f not in flow.frequencies
        ]
        if duty.valid_from and duty.valid_to and duty.valid_to < duty.valid_from:
            problems.append(f"{of}: valid_to is before valid_from")
    return problems + _double_voices(config) + _double_recipients(config)


def _double_recipients(config: Config) -> list[str]:
    """Dataflows that go to two recipients on one day; what two share is two dataflows."""
    return [
        f"{one.dataflow} goes to {one.recipient} and to {other.recipient} on one day"
        for n, one in enumerate(config.deliveries)
        for other in config.deliveries[n + 1 :]
        if one.dataflow == other.dataflow and one.valid.meets(other.valid_from or date.min, other.valid_to or date.max)
    ]


def _double_voices(config: Config) -> list[str]:
    """Pairs of obligations that speak for one figure on one day."""
    problems = []
    duties = config.obligations
    for n, one in enumerate(duties):
        for other in duties[n + 1 :]:
            same_voice = (one.province, one.provider) == (other.province, other.provider)
            if one.dataflow != other.dataflow or same_voice:
                continue
            days = other.valid
            meets = one.valid.meets(days.first or date.min, days.last or date.max)
            units = _subtree(config, one) & _subtree(config, other)
            both = set(one.indicators or other.indicators) & set(other.indicators or one.indicators)
            same = both or not (one.indicators or other.indicators)
            if meets and units and same:
                problems.append(
                    f"{one.provider} and {other.provider} both speak for {min(units)} in {one.dataflow} on one day"
                )
    return problems


def _subtree(config: Config, duty: Obligation) -> frozenset[str]:
    return config.catalogue.subtree(tuple(duty.speaks_for))
