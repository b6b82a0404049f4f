"""Template.

The empty form of a dataflow for one provider and period, from a hub's own configuration.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from hub_core.config.operator import Obligation
from hub_core.config.province import Provision
from hub_core.contracts import Form, FormLine
from hub_core.errors import ConfigurationError, StateError, StoreError
from hub_core.home import Hub
from hub_core.model.catalogue import Catalogue, Indicator
from hub_core.model.period import Period, latest
from hub_core.obligations import due_day, owed


def form(hub: Hub, dataflow: str, provision: str, period: Period | None, day: date) -> Form:
    """The form of a provision, named ``province/provision``; where no period is given, of the last ended one.

    Raises StateError where there is no such provision or nobody owes the period.
    """
    province, declared = _provision(hub, dataflow, provision)
    flow = hub.config.catalogue.dataflows[dataflow]
    who = f"{declared.provider} of {province}"
    mine = [
        duty
        for duty in hub.config.obligations
        if (duty.dataflow, duty.province, duty.provider) == (dataflow, province, declared.provider)
    ]
    frequencies = [
        each for each in flow.frequencies if any(each in duty.frequencies for duty in mine)
    ]
    if not frequencies:
        raise StateError(f"config/obligations has no duty of {who} to report {dataflow}")
    asked = period or latest(frequencies[0], flow.calendar, day)
    if asked.frequency not in frequencies:
        raise StateError(
            f"{who} owes {dataflow} by {', '.join(frequencies)}, and {asked} is none of these"
        )
    duties = [duty for duty in owed(hub.config, dataflow, asked) if duty in mine]
    last = asked.days(flow.calendar)[1]
    lines = tuple(_lines(hub.config.catalogue, duties, asked, last))
    if not lines:
        raise StateError(f"{who} owes nothing of {dataflow} for {asked}")
    told = hub.provinces[province]
    names = [each for each in told.providers if each.id == declared.provider]
    named = [
        each for each in names if (each.valid_from or last) <= last <= (each.valid_to or last)
    ] or names
    return Form(
        dataflow=dataflow,
        title=flow.name_vi,
        title_en=flow.name_en,
        province=province,
        province_name=told.name,
        provision=provision.partition("/")[2],
        provider=declared.provider,
        provider_name=named[-1].name,
        period=str(asked),
        calendar=flow.calendar.value,
        due=str(min(due_day(hub.config, duty, asked) for duty in duties)),
        legal="; ".join(dict.fromkeys(duty.legal for duty in duties)),
        lines=lines,
    )


def write(hub: Hub, made: Form, target: Path) -> Path:
    """Write a form to a file, or into a folder. Raises StoreError where that cannot be written."""
    from hub_core.landing.layout import writing
    from hub_core.packages.load import ConnectorRegistry

    writer = ConnectorRegistry(hub.config.settings.plugins.trusted).writer(
        {"kind": "form"}, "hub template", Form
    )
    name = f"{made.dataflow}-{made.period}-{made.province}-{made.provision}{writer.suffix}"
    path = target if target.suffix == writer.suffix and not target.is_dir() else target / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            writer.write(made, file)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _provision(hub: Hub, dataflow: str, name: str) -> tuple[str, Provision]:
    """The province and the declaration of a provision that reports a dataflow."""
    there = [
        f"{province}/{provision}"
        for province, told in sorted(hub.provinces.items())
        for provision, declared in sorted(told.provisions.items())
        if declared.dataflow == dataflow
    ]
    if dataflow not in hub.config.catalogue.dataflows:
        known = ", ".join(sorted(hub.config.catalogue.dataflows))
        raise ConfigurationError(f"no dataflow {dataflow}; there are {known}")
    province, _, provision = name.partition("/")
    if name not in there:
        why = f" ({province}: {hub.broken[province]})" if province in hub.broken else ""
        raise StateError(
            f"no provision {name} reports {dataflow}; there are {', '.join(there) or 'none'}{why}"
        )
    return province, hub.provinces[province].provisions[provision]


def _lines(
    catalogue: Catalogue, duties: list[Obligation], period: Period, last: date
) -> Iterator[FormLine]:
    """Each indicator in the order of its code, and for each the org units in the catalogue's order."""
    asked: dict[str, set[str]] = {}
    for duty in duties:
        units = set(_org_units(catalogue, duty, period))
        for indicator in catalogue.of_dataflow(duty.dataflow):
            if period.frequency in indicator.frequencies and (
                indicator.code in (duty.indicators or [indicator.code])
            ):
                asked.setdefault(indicator.code, set()).update(units)
    there = set().union(*asked.values())
    names = _names(catalogue, [unit for unit in catalogue.org_units if unit in there], last)
    for code in sorted(asked, key=str.encode):
        indicator = catalogue.indicators[code]
        for unit in (unit for unit in names if unit in asked[code]):
            yield FormLine(
                indicator=code,
                name_vi=indicator.name_vi,
                name_en=indicator.name_en,
                org_unit=unit,
                org_unit_name=names[unit],
                units=_units(catalogue, indicator),
                decimals=catalogue.decimals(code),
            )


def _org_units(catalogue: Catalogue, duty: Obligation, period: Period) -> Iterator[str]:
    """What a duty speaks for, a country with its provinces, as far as they lived in the period."""
    calendar = catalogue.dataflows[duty.dataflow].calendar
    for unit in duty.speaks_for:
        under = [each.id for each in catalogue.org_units.values() if each.parent == unit]
        country = catalogue.org_units[unit].level == "country"
        yield from (
            each
            for each in [unit, *(under if country else [])]
            if catalogue.lives(each, period, calendar)
        )


def _units(catalogue: Catalogue, indicator: Indicator) -> tuple[str, ...]:
    """The units in which an indicator may be given, its own first."""
    own = catalogue.units[indicator.unit]
    alike = (
        u.name for u in catalogue.units.values() if (u.base or u.name) == (own.base or own.name)
    )
    return own.name, *(name for name in alike if name != own.name)


def _names(catalogue: Catalogue, units: list[str], last: date) -> dict[str, str]:
    """Org units by their names on a day; two of one name are told apart by their dates."""
    names = {unit: catalogue.org_units[unit].named(last).name for unit in units}
    counts = Counter(names.values())
    return {
        unit: name if counts[name] == 1 else name + _dates(catalogue, unit)
        for unit, name in names.items()
    }


def _dates(catalogue: Catalogue, unit: str) -> str:
    valid = catalogue.org_units[unit].valid
    days = [("từ", valid.first), ("đến", valid.last)]
    told = " ".join(f"{word} {day:%d/%m/%Y}" for word, day in days if day)
    return f" ({told})" if told else ""
