"""The operator's configuration: hub.toml, obligations, deliveries and holidays of a hub's home."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from hub_core import structures
from hub_core.calendar import working_days
from hub_core.calendar.due_rules import DueRule
from hub_core.config.settings import Configured, HubSettings, database_of, read, settings_of
from hub_core.errors import ConfigurationError
from hub_core.model.catalogue import Catalogue
from hub_core.model.org_unit import Validity

Frequency = Literal["A", "S", "N", "Q", "M"]


def _due_rule(text: str) -> str:
    DueRule.parse(text)
    return text


class Obligation(Configured):
    """A provider's duty to report a dataflow: what it speaks for, and when it is due.

    ``due`` has a due rule for each frequency; ``when_closed`` says whether a due day on which
    offices are closed becomes the next working day (Civil Code 2015, article 148.5) or stays the
    same.
    """

    dataflow: str
    provider: str
    province: str
    speaks_for: Annotated[list[str], Field(min_length=1)]
    indicators: list[str] = Field(default=[])
    frequencies: Annotated[list[Frequency], Field(min_length=1)]
    due: dict[Frequency, Annotated[str, AfterValidator(_due_rule)]]
    when_closed: Literal["next", "same"] = "next"
    legal: str
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _each_frequency_has_a_rule(self) -> Obligation:
        if absent := [f for f in self.frequencies if f not in self.due]:
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
    writer: dict[str, Any] = Field(default={"kind": "json"})
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
    delivery: list[Delivery] = Field(default=[])


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

    @cached_property
    def duties(self) -> dict[tuple[str, str, str], list[Obligation]]:
        """The obligations by province, provider and dataflow."""
        by_provider: dict[tuple[str, str, str], list[Obligation]] = {}
        for duty in self.obligations:
            by_provider.setdefault((duty.province, duty.provider, duty.dataflow), []).append(duty)
        return by_provider

    @property
    def landing(self) -> Path:
        """The landing zone's folder."""
        return self.home / self.settings.store.landing

    @property
    def database(self) -> str:
        """The database's URL, a relative SQLite path taken from the home."""
        return database_of(self.home, self.settings)

    @property
    def plugin_folders(self) -> list[Path]:
        """The folders of packages that are not installed."""
        return [(self.home / folder).resolve() for folder in self.settings.plugins.folders]

    def snapshot(self) -> Path:
        """Keep the catalogue in use in a file named by its digest, and return the file's path."""
        return structures.keep(self.texts, self.home / "catalogues")


def load(home: Path) -> Config:
    """Read the configuration of a hub's home.

    Raises ConfigurationError naming the file and the key.
    """
    home = home.resolve()
    folder = home / "config"
    settings = settings_of(home)
    texts = structures.read_texts(folder)
    catalogue = structures.catalogue(texts)
    obligations = [
        o for path in _files(folder / "obligations") for o in read(path, _Obligations).obligation
    ]
    deliveries = [
        d for path in _files(folder / "deliveries") for d in read(path, _Deliveries).delivery
    ]
    announced = _announced(folder / "holidays.csv")
    config = Config(
        home=home,
        settings=settings,
        catalogue=catalogue,
        texts=texts,
        obligations=tuple(obligations),
        deliveries=tuple(deliveries),
        announced=announced,
    )
    problems = _problems(config)
    if problems:
        raise ConfigurationError("; ".join(problems))
    return config


def shipped() -> Path:
    """Return the folder of the configuration that comes with the hub.

    It is inside the wheel, or beside the source.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_config", package.parent / "config"):
        if (folder / "hub.toml").exists():
            return folder
    raise ConfigurationError(f"{package} came without its configuration: install the hub again")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.toml"))


def _announced(path: Path) -> working_days.Announced:
    """Read the days that the operator states; there are none where the file is missing."""
    if not path.exists():
        return working_days.NOTHING
    try:
        return working_days.read(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error


def _problems(config: Config) -> list[str]:
    """List what is wrong with the obligations, deliveries and secrets.

    They name what is not in the catalogue, two speak for one figure or receive one dataflow, or a
    secret's file would be copied by a backup.
    """
    catalogue = config.catalogue
    named = [(f"obligation of {o.provider}", o.dataflow) for o in config.obligations]
    named += [(f"delivery to {d.recipient}", d.dataflow) for d in config.deliveries]
    problems = [
        f"{what} names dataflow {d}, which is not there"
        for what, d in named
        if d not in catalogue.dataflows
    ]
    for duty in config.obligations:
        who = f"obligation of {duty.provider}"
        codes = {indicator.code for indicator in catalogue.of_dataflow(duty.dataflow)}
        flow = catalogue.dataflows.get(duty.dataflow)
        problems += [
            f"{who} names {u}, which is not there"
            for u in duty.speaks_for
            if u not in catalogue.org_units
        ]
        problems += [
            f"{who} names {i}, which is not there or not of {duty.dataflow}"
            for i in duty.indicators
            if i not in codes
        ]
        problems += [
            f"{who}: {duty.dataflow} is not reported by {f}"
            for f in duty.frequencies
            if flow and f not in flow.frequencies
        ]
        if duty.valid_from and duty.valid_to and duty.valid_to < duty.valid_from:
            problems.append(f"{who}: valid_to is before valid_from")
    return (
        problems + _double_providers(config) + _double_recipients(config) + _copied_secrets(config)
    )


def _copied_secrets(config: Config) -> list[str]:
    """List files of secrets inside config/, of which a backup takes everything."""
    folder = config.home / "config"
    return [
        f"[secrets.{owner}] {name}: {secret.file} is inside config/, "
        "which every backup copies: keep it elsewhere"
        for owner, names in config.settings.secrets.items()
        for name, secret in names.items()
        if secret.file and folder in (config.home / secret.file).resolve().parents
    ]


def _double_recipients(config: Config) -> list[str]:
    """List dataflows that go to two recipients on one day; what two share is two dataflows."""
    return [
        f"{first.dataflow} goes to {first.recipient} and to {second.recipient} on one day"
        for first, second in combinations(config.deliveries, 2)
        if first.dataflow == second.dataflow
        and first.valid.meets(second.valid_from or date.min, second.valid_to or date.max)
    ]


def _double_providers(config: Config) -> list[str]:
    """List pairs of obligations by which two providers speak for one figure on one day."""
    speaking: dict[
        tuple[str, str], list[int]
    ] = {}  # (dataflow, org unit) -> the duties that speak for it
    for n, duty in enumerate(config.obligations):
        for unit in sorted(config.catalogue.subtree(tuple(duty.speaks_for))):
            speaking.setdefault((duty.dataflow, unit), []).append(n)
    shared: dict[tuple[int, int], str] = {}  # a pair, and the first org unit that both speak for
    for (_, unit), places in sorted(speaking.items()):
        for pair in combinations(places, 2):
            shared.setdefault(pair, unit)
    problems = []
    for (n, m), unit in sorted(shared.items()):
        first, second = config.obligations[n], config.obligations[m]
        same_provider = (first.province, first.provider) == (second.province, second.provider)
        meets = first.valid.meets(second.valid.first or date.min, second.valid.last or date.max)
        share_indicators = set(first.indicators) & set(second.indicators) or not (
            first.indicators and second.indicators
        )
        if meets and share_indicators and not same_provider:
            problems.append(
                f"{first.provider} and {second.provider} both speak for {unit} "
                f"in {first.dataflow} on one day"
            )
    return problems
