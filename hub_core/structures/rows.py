"""The lines of the catalogue's tables, each read as the noun that it declares."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from hub_core.errors import ConfigurationError
from hub_core.model.catalogue import Alias, Indicator, Unit
from hub_core.model.org_unit import Membership, OrgUnitCode, OrgUnitName, Succession, Validity

T = TypeVar("T")
_AGG_SPACE = re.compile(r"sum\*?|ratio|none|weighted_avg\(.+\)")
_RANGE = re.compile(
    r"any|-?[0-9.]+\.\.-?[0-9]+(\.[0-9]+)?|(>=|<=|>|<)-?[0-9]+(\.[0-9]+)?|<=[A-Z]{2}\.\w+"
)
_SLUG = re.compile(r"[a-z][a-z0-9-]*")
_KEYED = {"units.csv", "indicators.csv", "org_units.csv"}


def rows(
    texts: dict[str, str], name: str, make: Callable[[dict[str, str]], tuple[str, T]]
) -> Iterator[tuple[str, T]]:
    """Yield the key of each line of a table, and what ``make`` makes of the line.

    Raises ConfigurationError naming file and line.
    """
    reader = csv.reader(io.StringIO(texts[f"catalogue/{name}"]), strict=True)
    keys: set[str] = set()
    columns: list[str] | None = None
    while True:
        try:
            line = next(reader)
            if columns is None:
                columns = line
                continue
            if not line:
                continue
            if len(line) != len(columns):
                raise ValueError("the line is too long or too short")
            key, noun = make(dict(zip(columns, line, strict=True)))
            if name in _KEYED and key in keys:
                raise ValueError(f"{key} stands there twice")
        except StopIteration:
            return
        except KeyError as error:
            raise ConfigurationError(
                f"catalogue/{name}, line {reader.line_num}: no column {error}"
            ) from error
        except (csv.Error, ValueError, InvalidOperation) as error:
            raise ConfigurationError(
                f"catalogue/{name}, line {reader.line_num}: {error}"
            ) from error
        keys.add(key)
        yield key, noun


def _valid(row: dict[str, str]) -> Validity:
    first, last = (
        date.fromisoformat(row[k]) if row[k] else None for k in ("valid_from", "valid_to")
    )
    if first and last and last < first:
        raise ValueError(f"ends {last} before it begins {first}")
    return Validity(first, last)


def unit(row: dict[str, str]) -> tuple[str, Unit]:
    """Read a line of ``units.csv``."""
    factor = Decimal(row["factor"] or 1)
    return row["unit"], Unit(
        name=row["unit"],
        name_en=row["name_en"],
        decimals=int(row["decimals"] or 0),
        per=int(row["per"] or 1),
        base=row["base"],
        factor=factor,
    )


def indicator(row: dict[str, str]) -> tuple[str, Indicator]:
    """Read a line of ``indicators.csv``."""
    if not _AGG_SPACE.fullmatch(row["agg_space"]):
        raise ValueError(f"agg_space {row['agg_space']!r}")
    if row["agg_time"] not in {"sum", "last", "avg", "recompute", "none"}:
        raise ValueError(f"agg_time {row['agg_time']!r}")
    if row["kind"] not in {"flow", "stock", "ratio", "index", "rank"}:
        raise ValueError(f"kind {row['kind']!r}")
    if not _RANGE.fullmatch(row["range"]):
        raise ValueError(f"range {row['range']!r}")
    frequencies = tuple(row["frequencies"].split(","))
    if not set(frequencies) <= set("ASNQM"):
        raise ValueError(f"frequencies {row['frequencies']!r}")
    declared = Indicator(
        code=row["code"],
        dataflow=row["dataflow"],
        name_vi=row["name_vi"],
        name_en=row["name_en"],
        unit=row["unit"],
        kind=row["kind"],
        agg_space=row["agg_space"],
        agg_time=row["agg_time"],
        numerator=row["numerator"],
        denominator=row["denominator"],
        frequencies=frequencies,
        range=row["range"],
        parts=tuple(row.get("parts", "").split("+")) if row.get("parts") else (),
        better=row.get("better", ""),
    )
    formula, ranks = _formula(row.get("formula", ""))
    return row["code"], replace(declared, formula=formula, ranks=ranks)


def _formula(text: str) -> tuple[tuple[tuple[str, Decimal], ...], str]:
    """Read the terms of ``0.1*DT.01+0.2*DT.02``, or the indicator of ``rank(DT.00)``."""
    if ranked := re.fullmatch(r"rank\((\S+)\)", text):
        return (), ranked[1]
    terms = []
    for term in text.split("+") if text else ():
        weight, times, code = term.strip().partition("*")
        if not times or not code:
            raise ValueError(f"formula {text!r}: write 0.1*DT.01+0.2*DT.02, or rank(DT.00)")
        terms.append((code.strip(), Decimal(weight.strip())))
    return tuple(terms), ""


def alias(row: dict[str, str]) -> tuple[str, Alias]:
    """Read a line of ``aliases.csv``: another word for a code of a codelist."""
    if row["codelist"] not in {"org_unit", "indicator", "unit"}:
        raise ValueError(f"codelist {row['codelist']!r}: there are org_unit, indicator and unit")
    if not row["alias"].strip() or not row["code"]:
        raise ValueError("alias and code are needed")
    return row["codelist"], Alias(row["codelist"], row["alias"], row["code"], _valid(row))


def org_unit(row: dict[str, str]) -> tuple[str, tuple[str, str, Validity]]:
    """Read a line of ``org_units.csv``: level, parent and the days on which it lives."""
    if not _SLUG.fullmatch(row["id"]):
        raise ValueError(f"id {row['id']!r} is no slug")
    return row["id"], (row["level"], row["parent"], _valid(row))


def name(row: dict[str, str]) -> tuple[str, OrgUnitName]:
    """Read a line of ``org_unit_names.csv``."""
    return row["org_unit"], OrgUnitName(row["name"], row["name_en"], row["type"], _valid(row))


def code(row: dict[str, str]) -> tuple[str, OrgUnitCode]:
    """Read a line of ``org_unit_codes.csv``."""
    return row["org_unit"], OrgUnitCode(row["scheme"], row["code"], _valid(row))


def membership(row: dict[str, str]) -> tuple[str, Membership]:
    """Read a line of ``memberships.csv``."""
    return row["org_unit"], Membership(row["org_unit"], row["member"], _valid(row))


def succession(row: dict[str, str]) -> tuple[str, Succession]:
    """Read a line of ``successions.csv``."""
    if row["kind"] not in {"merge", "split", "rename", "boundary transfer"}:
        raise ValueError(f"kind {row['kind']!r}")
    day = date.fromisoformat(row["date"])
    return row["predecessor"], Succession(
        day, row["kind"], row["predecessor"], row["successor"], row["legal_act"]
    )
