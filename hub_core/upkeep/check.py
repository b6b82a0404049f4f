"""Check: whether configuration and plugins hold, before a night depends on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from hub_core.config.province import open_secrets, secrets_named, with_secrets
from hub_core.contracts import Document, Sink
from hub_core.engine.shared import unmet
from hub_core.errors import HubError, from_dict
from hub_core.home import Hub
from hub_core.model.exchange import CheckOrder
from hub_core.packages import installed
from hub_core.packages.load import ConnectorRegistry
from hub_core.secrets import HUB, references

if TYPE_CHECKING:
    from hub_core.config.province import Province
    from hub_core.model.exchange import Plugin

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person must put right: whose, what, and whether a night fails by it."""

    where: str
    what: str
    severity: str  # error, warning; info: what was not looked into


def check(hub: Hub, day: date) -> list[Problem]:
    """All problems of a home.

    Every plugin is loaded in a child of its own and makes what a gather would make.
    """
    problems = [Problem(name, what, "error") for name, what in sorted(hub.broken.items())]
    for name, province in sorted(hub.provinces.items()):
        problems += loads(hub, hub.plugins[name])
        problems += declares(hub, name, province)
    problems += _libraries(hub)
    problems += _sources(hub)
    problems += _secrets(hub)
    problems += _set_apart(hub)
    problems += _deliveries(hub)
    problems += _other_units(hub)
    owing = {duty.province for duty in hub.config.obligations if duty.valid.holds(day)}
    absent = sorted(owing - set(hub.provinces) - set(hub.broken))
    problems += [
        Problem(name, "owes reports and has no package here", "warning") for name in absent
    ]
    return problems


def loads(hub: Hub, plugin: Plugin) -> Iterator[Problem]:
    """What a child says that loads a package and makes what a gather would make."""
    name = plugin.name
    order = CheckOrder(
        plugin=plugin,
        trusted=hub.config.settings.plugins.trusted,
        catalogue=str(hub.config.snapshot()),
        sources=hub.config.settings.sources.get(name, {}),
    )
    [answer] = hub.engine.ask([order.model_dump(mode="json")], _SECONDS)
    if answer.get("error"):
        yield Problem(name, str(from_dict(answer["error"])), "error")
    for each in answer.get("problems", []):
        yield Problem(name, each, "error")
    for each in answer.get("notes", []):
        yield Problem(name, each, "warning")


def declares(hub: Hub, name: str, province: Province) -> Iterator[Problem]:
    """Provisions that nobody owes, whose secrets are not set, or that count in another calendar."""
    duties = {(o.province, o.provider, o.dataflow) for o in hub.config.obligations}
    for provision, declared in province.provisions.items():
        if (name, declared.provider, declared.dataflow) not in duties:
            what = f"config/obligations has no duty of {declared.provider} to report {declared.dataflow}"
            yield Problem(name, f"{provision}.toml: {what}", "error")
        here = hub.config.settings.sources.get(name, {}).get(provision, {})
        try:
            hub.secrets.resolve(name, secrets_named(declared.source | here), run=False)
        except HubError as error:
            yield Problem(name, f"{provision}.toml: {error}", "error")
        flow = hub.config.catalogue.dataflows.get(declared.dataflow)
        if flow and declared.calendar and declared.calendar not in flow.calendars:
            mixed = f'dataflows/{flow.id}.toml does not say calendars = "mixed"'
            what = f"calendar {declared.calendar} is not {flow.id}'s {flow.calendar}, and {mixed}"
            yield Problem(name, f"{provision}.toml: {what}", "error")


def _libraries(hub: Hub) -> Iterator[Problem]:
    """Libraries that installed packages need and no longer see."""
    for told in installed.read(hub.config.home)[0]:
        if told.name in hub.plugins:
            for each in unmet(hub.config.home, told, hub.config.settings.plugins.trusted):
                yield Problem(told.name, f"{each}: {told.again}", "error")


def _other_units(hub: Hub) -> Iterator[Problem]:
    """Current figures in a unit in which the catalogue no longer counts: no release takes them."""
    flows = hub.config.catalogue.dataflows.values()
    ways = [(flow.id, calendar.value) for flow in flows for calendar in flow.calendars]
    there = [each for way in ways for each in hub.store.currents(*way, hub.store.periods(*way))]
    for each, what in hub.submissions_in_old_units(hub.config.catalogue, there):
        yield Problem(each.province, what, "warning")


def _sources(hub: Hub) -> Iterator[Problem]:
    """Places of systems in hub.toml that no provision asks for, or that hold a secret in the open."""
    for name, provisions in hub.config.settings.sources.items():
        for provision, told in provisions.items():
            known = hub.provinces[name].provisions if name in hub.provinces else {}
            if provision not in known:
                yield Problem(
                    "hub.toml", f"[sources.{name}.{provision}]: there is no such provision", "error"
                )
            for key in open_secrets(told):
                yield Problem(
                    "hub.toml",
                    f"[sources.{name}.{provision}]: {key} holds a secret in the open",
                    "error",
                )


def _secrets(hub: Hub) -> Iterator[Problem]:
    """Secrets in hub.toml that nobody refers to, and those that only a gather or a delivery gets to know."""
    secrets, known = hub.secrets, references(hub.config, hub.provinces)
    for owner, names in secrets.told.items():
        for name in names:
            if (owner, name) not in known and owner not in hub.broken:
                yield Problem("hub.toml", f"[secrets.{owner}]: nothing refers to {name}", "warning")
    for owner, name in known:
        origin = secrets.origin(owner, name)
        if origin and origin.kind == "command":
            what = f"secret {name} is from a command, not run here; hub secret test {owner} {name} runs it"
            yield Problem(owner, what, "info")


def _set_apart(hub: Hub) -> Iterator[Problem]:
    """Provinces that hub.toml sets apart by a name that no package has.

    A slip would leave them together.
    """
    for name in sorted(set(hub.config.settings.provinces) - set(hub.plugins)):
        yield Problem("hub.toml", f"[provinces.{name}]: there is no such package", "error")


def _deliveries(hub: Hub) -> Iterator[Problem]:
    """Writers and sinks that cannot be made, and secrets of theirs that are not set or stand in the open."""
    for each in hub.config.deliveries:
        where = f"delivery of {each.dataflow} to {each.recipient}"
        for key in open_secrets(each.sink):
            yield Problem(where, f"{key} holds a secret in the open; write secret:NAME", "error")
        try:
            loaded = ConnectorRegistry(hub.config.settings.plugins.trusted)
            secrets = hub.secrets.resolve(HUB, secrets_named(each.sink), run=False)
            loaded.writer(each.writer, "writer", Document)
            loaded.make(Sink, with_secrets(each.sink, secrets), "sink")
        except HubError as error:
            yield Problem(where, str(error), "error")
