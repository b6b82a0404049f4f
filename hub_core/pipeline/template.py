"""Template: the empty form of a dataflow for one provider and period, from the configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from hub_core.config.operator import Obligation
from hub_core.config.province import Province, Provision
from hub_core.contracts import Form, FormLine
from hub_core.errors import ConfigurationError, StateError, StoreError
from hub_core.home import Hub
from hub_core.model.catalogue import Catalogue, Indicator
from hub_core.model.period import Period, latest
from hub_core.obligations import due_day, owed


def form(hub: Hub, dataflow: str, provision: str, period: Period | None, day: date) -> Form:
    """Make the form of a provision, named ``province/provision``, for a period.

    Where no period is given, it is for the last one that ended by ``day``. Raises StateError where
    there is no such provision or nobody owes the period, and ConfigurationError for an unknown
    dataflow.
    """
    province, declared = _provision(hub, dataflow, provision)
    flow = hub.config.catalogue.dataflows[dataflow]
    duties, form_period = _owed(hub, dataflow, (province, declared.provider), period, day)
    last_day = form_period.days(flow.calendar)[1]
    lines = tuple(_lines(hub.config.catalogue, duties, form_period, last_day))
    if not lines:
        raise StateError(
            f"{declared.provider} of {province} owes nothing of {dataflow} for {form_period}"
        )
    return Form(
        dataflow=dataflow,
        title=flow.name_vi,
        title_en=flow.name_en,
        province=province,
        province_name=hub.provinces[province].name,
        provision=provision.partition("/")[2],
        provider=declared.provider,
        provider_name=_provider_name(hub.provinces[province], declared.provider, last_day),
        period=str(form_period),
        calendar=flow.calendar.value,
        due=str(min(due_day(hub.config, duty, form_period) for duty in duties)),
        legal="; ".join(dict.fromkeys(duty.legal for duty in duties)),
        lines=lines,
    )


def _owed(
    hub: Hub, dataflow: str, reporter: tuple[str, str], period: Period | None, day: date
) -> tuple[list[Obligation], Period]:
    """Find a reporter's obligations for a period, the last ended one where none is given.

    ``reporter``: (province, provider). Raises StateError where it has no obligation to report the
    dataflow, or none by periods of that length.
    """
    province, provider = reporter
    reporter_name = f"{provider} of {province}"
    flow = hub.config.catalogue.dataflows[dataflow]
    duties = [
        duty
        for duty in hub.config.obligations
        if (duty.dataflow, duty.province, duty.provider) == (dataflow, province, provider)
    ]
    frequencies = [
        frequency
        for frequency in flow.frequencies
        if any(frequency in duty.frequencies for duty in duties)
    ]
    if not frequencies:
        raise StateError(f"config/obligations has no duty of {reporter_name} to report {dataflow}")
    form_period = period or latest(frequencies[0], flow.calendar, day)
    if form_period.frequency not in frequencies:
        raise StateError(
            f"{reporter_name} owes {dataflow} by {', '.join(frequencies)},"
            f" and {form_period} is none of these"
        )
    return [duty for duty in owed(hub.config, dataflow, form_period) if duty in duties], form_period


def _provider_name(province: Province, provider: str, day: date) -> str:
    """Return a provider's name on a day, or its last name where none is valid then."""
    all_names = [declared for declared in province.providers if declared.id == provider]
    names = [
        declared
        for declared in all_names
        if (declared.valid_from or day) <= day <= (declared.valid_to or day)
    ]
    return (names or all_names)[-1].name


def write(hub: Hub, empty_form: Form, target: Path) -> Path:
    """Write a form to a file, or into a folder under a name of its own; return its path.

    Raises StoreError where it cannot be written.
    """
    from hub_core.landing.layout import writing
    from hub_core.packages.load import ConnectorRegistry

    writer = ConnectorRegistry(hub.config.settings.plugins.trusted).writer(
        {"kind": "form"}, "hub template", Form
    )
    name = "-".join(
        (empty_form.dataflow, empty_form.period, empty_form.province, empty_form.provision)
    )
    name += writer.suffix
    path = target if target.suffix == writer.suffix and not target.is_dir() else target / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            writer.write(empty_form, file)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _provision(hub: Hub, dataflow: str, name: str) -> tuple[str, Provision]:
    """Find a provision that reports a dataflow: its province and its declaration.

    ``name``: ``province/provision``. Raises ConfigurationError for an unknown dataflow, and
    StateError where no provision of that name reports it.
    """
    names = [
        f"{province_name}/{provision_name}"
        for province_name, declared_province in sorted(hub.provinces.items())
        for provision_name, declared in sorted(declared_province.provisions.items())
        if declared.dataflow == dataflow
    ]
    if dataflow not in hub.config.catalogue.dataflows:
        dataflows = ", ".join(sorted(hub.config.catalogue.dataflows))
        raise ConfigurationError(f"no dataflow {dataflow}; there are {dataflows}")
    province, _, provision = name.partition("/")
    if name not in names:
        why = f" ({province}: {hub.broken[province]})" if province in hub.broken else ""
        raise StateError(
            f"no provision {name} reports {dataflow}; there are {', '.join(names) or 'none'}{why}"
        )
    return province, hub.provinces[province].provisions[provision]


def _lines(
    catalogue: Catalogue, duties: list[Obligation], period: Period, last_day: date
) -> Iterator[FormLine]:
    """Yield a line for each indicator and org unit.

    Indicators are in the order of their codes' UTF-8 bytes, and the org units of each in the
    catalogue's order.
    """
    units_by_indicator: dict[str, set[str]] = {}
    for duty in duties:
        units = set(_org_units(catalogue, duty, period))
        for indicator in catalogue.of_dataflow(duty.dataflow):
            if period.frequency in indicator.frequencies and (
                indicator.code in (duty.indicators or [indicator.code])
            ):
                units_by_indicator.setdefault(indicator.code, set()).update(units)
    all_units = set().union(*units_by_indicator.values())
    units_in_order = [unit for unit in catalogue.org_units if unit in all_units]
    names = _names(catalogue, units_in_order, last_day)
    for code in sorted(units_by_indicator, key=str.encode):
        indicator = catalogue.indicators[code]
        for unit in (unit for unit in names if unit in units_by_indicator[code]):
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
    """Yield the org units that a duty speaks for, as far as they existed in the period.

    A country comes with its provinces.
    """
    calendar = catalogue.dataflows[duty.dataflow].calendar
    for unit in duty.speaks_for:
        children = [child.id for child in catalogue.org_units.values() if child.parent == unit]
        is_country = catalogue.org_units[unit].level == "country"
        yield from (
            unit_id
            for unit_id in [unit, *(children if is_country else [])]
            if catalogue.lives(unit_id, period, calendar)
        )


def _units(catalogue: Catalogue, indicator: Indicator) -> tuple[str, ...]:
    """Return the names of the units in which an indicator may be given, its own first."""
    own = catalogue.units[indicator.unit]
    with_same_base = (
        u.name for u in catalogue.units.values() if (u.base or u.name) == (own.base or own.name)
    )
    return own.name, *(name for name in with_same_base if name != own.name)


def _names(catalogue: Catalogue, units: list[str], day: date) -> dict[str, str]:
    """Return the names of org units on a day, by their ids.

    Units of the same name have their dates after the name.
    """
    names = {unit: catalogue.org_units[unit].named(day).name for unit in units}
    counts = Counter(names.values())
    return {
        unit: name if counts[name] == 1 else name + _dates(catalogue, unit)
        for unit, name in names.items()
    }


def _dates(catalogue: Catalogue, unit: str) -> str:
    valid = catalogue.org_units[unit].valid
    days = [("từ", valid.first), ("đến", valid.last)]
    words = " ".join(f"{word} {day:%d/%m/%Y}" for word, day in days if day)
    return f" ({words})" if words else ""
