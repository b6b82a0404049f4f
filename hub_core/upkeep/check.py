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
    """List all problems of a home.

    Every plugin is loaded in a child of its own and makes what a gather would make.
    """
    problems = [Problem(name, what, "error") for name, what in sorted(hub.broken.items())]
    for name, province in sorted(hub.provinces.items()):
        problems += load_problems(hub, hub.plugins[name])
        problems += declaration_problems(hub, name, province)
    problems += _library_problems(hub)
    problems += _source_problems(hub)
    problems += _secret_problems(hub)
    problems += _province_problems(hub)
    problems += _delivery_problems(hub)
    problems += _unit_problems(hub)
    owing = {duty.province for duty in hub.config.obligations if duty.valid.holds(day)}
    absent = sorted(owing - set(hub.provinces) - set(hub.broken))
    problems += [
        Problem(name, "owes reports and has no package here", "warning") for name in absent
    ]
    return problems


def load_problems(hub: Hub, plugin: Plugin) -> Iterator[Problem]:
    """Yield what a child says that loads a package and makes what a gather would make."""
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
    for problem in answer.get("problems", []):
        yield Problem(name, problem, "error")
    for note in answer.get("notes", []):
        yield Problem(name, note, "warning")


def declaration_problems(hub: Hub, name: str, province: Province) -> Iterator[Problem]:
    """Yield what is wrong with a province's provisions.

    Nobody owes one, its secrets are not set, or it counts in another calendar.
    """
    if province.contact.bare:
        what = "contact is a bare text, as before 1.0: give it name, email and telephone"
        yield Problem(name, f"province.toml: {what}", "warning")
    duties = {(o.province, o.provider, o.dataflow) for o in hub.config.obligations}
    for provision, declared in province.provisions.items():
        if (name, declared.provider, declared.dataflow) not in duties:
            what = f"config/obligations has no duty of {declared.provider} to report {declared.dataflow}"
            yield Problem(name, f"{provision}.toml: {what}", "error")
        overrides = hub.config.settings.sources.get(name, {}).get(provision, {})
        try:
            hub.secrets.resolve(name, secrets_named(declared.source | overrides), run=False)
        except HubError as error:
            yield Problem(name, f"{provision}.toml: {error}", "error")
        flow = hub.config.catalogue.dataflows.get(declared.dataflow)
        if flow and declared.calendar and declared.calendar not in flow.calendars:
            mixed = f'dataflows/{flow.id}.toml does not say calendars = "mixed"'
            what = f"calendar {declared.calendar} is not {flow.id}'s {flow.calendar}, and {mixed}"
            yield Problem(name, f"{provision}.toml: {what}", "error")


def _library_problems(hub: Hub) -> Iterator[Problem]:
    """Yield libraries that installed packages need and no longer see."""
    for install in installed.read(hub.config.home)[0]:
        if install.name in hub.plugins:
            for requirement in unmet(hub.config.home, install, hub.config.settings.plugins.trusted):
                yield Problem(install.name, f"{requirement}: {install.again}", "error")


def _unit_problems(hub: Hub) -> Iterator[Problem]:
    """Yield current figures in a unit that the catalogue no longer counts in.

    No release takes them.
    """
    flows = hub.config.catalogue.dataflows.values()
    flow_calendars = [(flow.id, calendar.value) for flow in flows for calendar in flow.calendars]
    current_submissions = [
        submission
        for flow_calendar in flow_calendars
        for submission in hub.store.currents(*flow_calendar, hub.store.periods(*flow_calendar))
    ]
    for submission, what in hub.submissions_in_old_units(hub.config.catalogue, current_submissions):
        yield Problem(submission.province, what, "warning")


def _source_problems(hub: Hub) -> Iterator[Problem]:
    """Yield what is wrong with the places of systems in hub.toml.

    No provision asks for one, or it holds a secret in the open.
    """
    for name, provisions in hub.config.settings.sources.items():
        for provision, settings in provisions.items():
            provisions_of_package = hub.provinces[name].provisions if name in hub.provinces else {}
            if provision not in provisions_of_package:
                yield Problem(
                    "hub.toml", f"[sources.{name}.{provision}]: there is no such provision", "error"
                )
            for key in open_secrets(settings):
                yield Problem(
                    "hub.toml",
                    f"[sources.{name}.{provision}]: {key} holds a secret in the open",
                    "error",
                )


def _secret_problems(hub: Hub) -> Iterator[Problem]:
    """Yield secrets in hub.toml that nobody refers to, and those that a command gives.

    Only a gather or a delivery runs that command.
    """
    secrets, referred = hub.secrets, references(hub.config, hub.provinces)
    for owner, names in secrets.settings.items():
        for name in names:
            if (owner, name) not in referred and owner not in hub.broken:
                yield Problem("hub.toml", f"[secrets.{owner}]: nothing refers to {name}", "warning")
    for owner, name in referred:
        origin = secrets.origin(owner, name)
        if origin and origin.kind == "command":
            what = f"secret {name} is from a command, not run here; hub secret test {owner} {name} runs it"
            yield Problem(owner, what, "info")


def _province_problems(hub: Hub) -> Iterator[Problem]:
    """Yield provinces that hub.toml names in ``[provinces]`` and that no package has.

    A slip would leave their child without a user of its own.
    """
    for name in sorted(set(hub.config.settings.provinces) - set(hub.plugins)):
        yield Problem("hub.toml", f"[provinces.{name}]: there is no such package", "error")


def _delivery_problems(hub: Hub) -> Iterator[Problem]:
    """Yield writers and sinks that cannot be made, and secrets of theirs that are unset or open."""
    for delivery in hub.config.deliveries:
        where = f"delivery of {delivery.dataflow} to {delivery.recipient}"
        for key in open_secrets(delivery.sink):
            yield Problem(where, f"{key} holds a secret in the open; write secret:NAME", "error")
        try:
            loaded = ConnectorRegistry(hub.config.settings.plugins.trusted)
            secrets = hub.secrets.resolve(HUB, secrets_named(delivery.sink), run=False)
            loaded.writer(delivery.writer, "writer", Document)
            loaded.make(Sink, with_secrets(delivery.sink, secrets), "sink")
        except HubError as error:
            yield Problem(where, str(error), "error")
