"""Check: whether configuration and plugins hold, before a night depends on them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date

from hub_core.errors import HubError, from_dict
from hub_core.home import Hub
from hub_core.model.exchange import CheckOrder
from hub_core.province import secrets_named
from hub_core.secrets import resolve

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person must put right: whose, what, and whether a night fails by it."""

    where: str
    what: str
    severity: str  # error, warning


def check(hub: Hub, day: date) -> list[Problem]:
    """All problems of a home: every plugin is loaded in a child of its own and makes what a gather would make."""
    problems = [Problem(name, what, "error") for name, what in sorted(hub.broken.items())]
    duties = {(o.province, o.provider, o.dataflow) for o in hub.config.obligations}
    for name, province in sorted(hub.provinces.items()):
        order = CheckOrder(
            plugin=hub.found[name],
            trusted=hub.config.settings.plugins.trusted,
            catalogue=str(hub.config.snapshot()),
        )
        answer = hub.engine.submit([order.model_dump(mode="json")], _SECONDS, lambda *_: None, lambda _: None).result()[
            0
        ]
        if answer.get("error"):
            problems.append(Problem(name, str(from_dict(answer["error"])), "error"))
        problems += [Problem(name, each, "error") for each in answer.get("problems", [])]
        problems += [Problem(name, each, "warning") for each in answer.get("notes", [])]
        for provision, declared in province.provisions.items():
            if (name, declared.provider, declared.dataflow) not in duties:
                duty = f"no duty of {declared.provider} to report {declared.dataflow}"
                what = f"{provision}.toml: config/obligations has {duty}"
                problems.append(Problem(name, what, "error"))
            try:
                resolve(name, secrets_named(declared.source), os.environ)
            except HubError as error:
                problems.append(Problem(name, f"{provision}.toml: {error}", "error"))
            calendar = hub.config.catalogue.dataflows.get(declared.dataflow)
            if calendar and declared.calendar and declared.calendar != calendar.calendar:
                what = (
                    f"{provision}.toml: calendar {declared.calendar} is not {declared.dataflow}'s {calendar.calendar}"
                )
                problems.append(Problem(name, what, "error"))
    owing = {duty.province for duty in hub.config.obligations if duty.valid.holds(day)}
    absent = sorted(owing - set(hub.provinces) - set(hub.broken))
    problems += [Problem(name, "owes reports and has no package here", "warning") for name in absent]
    return problems
