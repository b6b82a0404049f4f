"""A release laid out as a table: indicators as rows, org units as columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

from hub_core import Document

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
Figures = dict[str, dict[str, str]]  # by org unit


@dataclass(frozen=True)
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
    """Totals first, then the reporters' org units in the manifest's order, also those without a figure."""
    columns: dict[str, list[dict[str, str]]] = {}
    for figure in document.figures:
        columns.setdefault(figure["org_unit"], []).append(figure)
    names = {unit: figures[0]["org_unit_name"] for unit, figures in columns.items()}
    told = {reporter["provider"]: reporter["name"] for reporter in document.reporters}
    states: dict[str, set[str]] = {}
    for reporter in cast("list[dict[str, Any]]", document.manifest["reporters"]):
        heard = [unit for unit in reporter["org_units"] if unit in columns]
        for unit in heard or reporter["org_units"][:1]:
            states.setdefault(unit, set()).add(reporter["state"])
            names.setdefault(unit, told.get(reporter["provider"], unit))
    others = [unit for unit in columns if unit not in states]
    totals = [
        u
        for u in others
        if any(f["coverage"] or f["method"] not in ("", "reported") for f in columns[u])
    ]
    found = []
    for unit in dict.fromkeys([*totals, *states, *others]):
        figures = columns.get(unit, [])
        parts = (
            ("now", "was", "coverage") if any(f["coverage"] for f in figures) else ("now", "was")
        )
        marked = any(f["status"] in MARKED for f in figures)
        found.append(
            Unit(unit, names[unit], unit in totals, states.get(unit) == {"nil"}, marked, parts)
        )
    return found


@dataclass(frozen=True)
class Row:
    """A row of the report: an indicator, or a breakdown of one."""

    indicator: str
    detail: str  # what sets it apart from the indicator's plain row
    figures: Figures
    previous: dict[str, str]  # by org unit


def rows(document: Document) -> list[Row]:
    """Indicators in the release's order, the plain row of each before its breakdowns."""
    told: dict[RowKey, Figures] = {}
    for figure in document.figures:
        key = (
            figure["indicator"],
            figure["measure"],
            figure["dims"],
            figure["period"],
            figure["calendar"],
        )
        told.setdefault(key, {})[figure["org_unit"]] = figure
    before: dict[tuple[str, ...], dict[str, str]] = {}
    for (indicator, unit, measure, dims), value in document.previous.items():
        key = (indicator, measure, dims, document.period, str(document.manifest["calendar"]))
        before.setdefault(key, {})[unit] = value
    ranks = {
        indicator: rank for rank, indicator in enumerate(dict.fromkeys(key[0] for key in told))
    }
    keys = sorted(told, key=lambda key: (ranks[key[0]], *key))
    return [Row(key[0], _detail(document, key), told[key], before.get(key, {})) for key in keys]


def _detail(document: Document, key: RowKey) -> str:
    _, measure, dims, period, calendar = key
    told = [
        _MEASURES.get(measure, measure),
        dims.replace(";", ", "),
        "" if period == document.period else spoken(period),
        "" if calendar == document.manifest["calendar"] else CALENDARS.get(calendar, calendar),
    ]
    return "; ".join(text for text in told if text)


def spoken(label: str) -> str:
    """A period as it is said: ``2025-Q1`` is *Quý I/2025*."""
    match = re.fullmatch(r"([0-9]{4})(?:-([MQSN])([0-9]+))?", label)
    if not match:
        return label
    number = int(match[3] or 1)
    roman, half = ("I", "II", "III", "IV")[(number - 1) % 4], "đầu" if number == 1 else "cuối"
    return _PERIODS[match[2] or "A"].format(year=match[1], number=number, roman=roman, half=half)
