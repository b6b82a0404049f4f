"""A release laid out as a table: indicators as rows, org units as columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub_core import Document, DocumentFigure

MARKED = ("E", "P", "F")
CALENDARS = {"S": "kỳ thống kê", "A": "kỳ hành chính, từ ngày 15 đến ngày 14"}
_MEASURES = {"actual": "", "plan": "kế hoạch (plan)", "ytd": "lũy kế từ đầu năm (year to date)"}
_PERIODS = {
    "A": "Năm {year}",
    "S": "6 tháng {half} năm {year}",
    "N": "9 tháng đầu năm {year}",
    "Q": "Quý {roman}/{year}",
    "M": "Tháng {number:02d}/{year}",
}

RowKey = tuple[str, str, str, str, str]  # indicator, measure, dims, period, calendar
Figures = dict[str, DocumentFigure]  # by org unit


@dataclass(frozen=True, kw_only=True)
class Unit:
    """An org unit and its columns in the report."""

    id: str
    name: str
    total: bool
    nil: bool
    marked: bool
    parts: tuple[str, ...]  # now, was and, where a figure is a sum of others, coverage


Column = tuple[Unit, str]  # an org unit and one of its parts


def units(document: Document) -> list[Unit]:
    """List the org units of a release: totals first, then those of its reporters, then others.

    Reporters' org units are in the manifest's order, also those without a figure.
    """
    figures_by_unit: dict[str, list[DocumentFigure]] = {}
    for figure in document.figures:
        figures_by_unit.setdefault(figure.org_unit, []).append(figure)
    names = {unit: figures[0].org_unit_name for unit, figures in figures_by_unit.items()}
    provider_names = {reporter.provider: reporter.name for reporter in document.reporters}
    states: dict[str, set[str]] = {}
    for reporter in document.manifest["reporters"]:
        units_with_figures = [unit for unit in reporter["org_units"] if unit in figures_by_unit]
        for unit in units_with_figures or reporter["org_units"][:1]:
            states.setdefault(unit, set()).add(reporter["state"])
            names.setdefault(unit, provider_names.get(reporter["provider"], unit))
    others = [unit for unit in figures_by_unit if unit not in states]
    totals = [
        unit
        for unit in others
        if any(
            figure.coverage or figure.method not in ("", "reported")
            for figure in figures_by_unit[unit]
        )
    ]
    return [
        _unit(
            unit,
            names[unit],
            figures_by_unit.get(unit, []),
            total=unit in totals,
            nil=states.get(unit) == {"nil"},
        )
        for unit in dict.fromkeys([*totals, *states, *others])
    ]


def _unit(id_: str, name: str, figures: list[DocumentFigure], *, total: bool, nil: bool) -> Unit:
    has_coverage = any(figure.coverage for figure in figures)
    return Unit(
        id=id_,
        name=name,
        total=total,
        nil=nil,
        marked=any(figure.status in MARKED for figure in figures),
        parts=("now", "was", "coverage") if has_coverage else ("now", "was"),
    )


@dataclass(frozen=True)
class Row:
    """A row of the report: an indicator, or a breakdown of one."""

    indicator: str
    detail: str  # what sets it apart from the indicator's plain row
    figures: Figures
    previous: dict[str, str]  # by org unit


def rows(document: Document) -> list[Row]:
    """List indicators in the release's order, the plain row of each before its breakdowns."""
    figures_by_key: dict[RowKey, Figures] = {}
    for figure in document.figures:
        key = (
            figure.indicator,
            figure.measure,
            figure.dims,
            figure.period,
            figure.calendar,
        )
        figures_by_key.setdefault(key, {})[figure.org_unit] = figure
    previous_by_key: dict[tuple[str, ...], dict[str, str]] = {}
    here = (document.period, str(document.manifest["calendar"]))
    for figure in document.previous:
        key = (figure.indicator, figure.measure, figure.dims, *here)
        previous_by_key.setdefault(key, {})[figure.org_unit] = figure.value
    ranks = {
        indicator: rank
        for rank, indicator in enumerate(dict.fromkeys(key[0] for key in figures_by_key))
    }
    keys = sorted(figures_by_key, key=lambda key: (ranks[key[0]], *key))
    return [
        Row(key[0], _detail(document, key), figures_by_key[key], previous_by_key.get(key, {}))
        for key in keys
    ]


def _detail(document: Document, key: RowKey) -> str:
    _, measure, dims, period, calendar = key
    details = [
        _MEASURES.get(measure, measure),
        dims.replace(";", ", "),
        "" if period == document.period else spoken(period),
        "" if calendar == document.manifest["calendar"] else CALENDARS.get(calendar, calendar),
    ]
    return "; ".join(text for text in details if text)


def spoken(label: str) -> str:
    """Return a period as it is said: ``2025-Q1`` is *Quý I/2025*."""
    match = re.fullmatch(r"([0-9]{4})(?:-([MQSN])([0-9]+))?", label)
    if not match:
        return label
    number = int(match[3] or 1)
    roman, half = ("I", "II", "III", "IV")[(number - 1) % 4], "đầu" if number == 1 else "cuối"
    return _PERIODS[match[2] or "A"].format(year=match[1], number=number, roman=roman, half=half)
