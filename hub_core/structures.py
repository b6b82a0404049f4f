"""The catalogue from its files: CSV tables and one TOML a dataflow; and snapshots of it by digest."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hub_core.contracts import explain
from hub_core.errors import ConfigurationError
from hub_core.model.catalogue import Catalogue, Dataflow, Indicator, Unit
from hub_core.model.org_unit import Membership, OrgUnit, OrgUnitCode, OrgUnitName, Succession, Validity
from hub_core.model.period import Calendar

T = TypeVar("T")
TABLES = (
    "units.csv",
    "indicators.csv",
    "org_units.csv",
    "org_unit_names.csv",
    "org_unit_codes.csv",
    "memberships.csv",
    "successions.csv",
)
_AGG_SPACE = re.compile(r"sum\*?|ratio|none|weighted_avg\(.+\)")
_RANGE = re.compile(r"any|-?[0-9.]+\.\.-?[0-9]+(\.[0-9]+)?|(>=|<=|>|<)(-?[0-9]+(\.[0-9]+)?|[A-Z]{2}\.\w+)")
_SLUG = re.compile(r"[a-z][a-z0-9-]*")


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")
    quarantined_percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal(5)
    withdrawn_percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal(20)


class _Dataflow(BaseModel):
    """``dataflows/ID.toml``."""

    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
    name_vi: str
    name_en: str
    calendar: Literal["S", "A"]
    frequencies: list[Literal["A", "S", "N", "Q", "M"]]
    covers: Annotated[list[str], Field(min_length=1)]
    sign_off: Literal["none"]
    look_back: Annotated[int, Field(ge=1, le=60)] = 1
    limits: _Limits = _Limits()


def read_texts(config: Path) -> dict[str, str]:
    """The catalogue's files under a config folder, as texts by relative name.

    Raises ConfigurationError naming a file that is missing or not UTF-8.
    """
    names = [f"catalogue/{name}" for name in TABLES]
    names += sorted(f"dataflows/{path.name}" for path in (config / "dataflows").glob("*.toml"))
    texts = {}
    for name in names:
        try:
            texts[name] = unicodedata.normalize("NFC", (config / name).read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{config / name} cannot be read: {error}") from error
    return texts


def digest(texts: dict[str, str]) -> str:
    """The sha256 over a catalogue's files."""
    return hashlib.sha256(json.dumps(texts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def keep(texts: dict[str, str], folder: Path) -> Path:
    """Keep a snapshot of a catalogue's files under its digest; the file that holds it."""
    path = folder / f"{digest(texts)}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(texts, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        scratch.replace(path)
    return path


def open_snapshot(path: Path) -> Catalogue:
    """The catalogue that was kept in a snapshot."""
    return catalogue(json.loads(path.read_text(encoding="utf-8")))


def catalogue(texts: dict[str, str]) -> Catalogue:
    """The catalogue that these files declare. Raises ConfigurationError naming file and line."""
    units = dict(_rows(texts, "units.csv", _unit))
    indicators = dict(_rows(texts, "indicators.csv", _indicator))
    names: dict[str, list[OrgUnitName]] = {}
    for unit, called in _rows(texts, "org_unit_names.csv", _name):
        names.setdefault(unit, []).append(called)
    codes: dict[str, list[OrgUnitCode]] = {}
    for unit, code in _rows(texts, "org_unit_codes.csv", _code):
        codes.setdefault(unit, []).append(code)
    org_units = {
        unit: OrgUnit(unit, level, parent, valid, tuple(names.get(unit, ())), tuple(codes.get(unit, ())))
        for unit, (level, parent, valid) in _rows(texts, "org_units.csv", _org_unit)
    }
    memberships = tuple(m for _, m in _rows(texts, "memberships.csv", _membership))
    successions = tuple(s for _, s in _rows(texts, "successions.csv", _succession))
    dataflows = {}
    for name in sorted(n for n in texts if n.startswith("dataflows/")):
        dataflow = _read_dataflow(name, texts[name])
        if dataflow.id in dataflows:
            raise ConfigurationError(f"{name}: there is a dataflow {dataflow.id} already")
        dataflows[dataflow.id] = dataflow
    found = Catalogue(dataflows, indicators, units, org_units, memberships, successions, digest(texts))
    problems = [*_unknown_references(found, names, codes), *_cycles(found)]
    if problems:
        raise ConfigurationError("; ".join(problems))
    return found


def _read_dataflow(name: str, text: str) -> Dataflow:
    try:
        told = _Dataflow.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{name}: {explain(error)}") from error
    return Dataflow(
        told.id,
        told.name_vi,
        told.name_en,
        Calendar(told.calendar),
        tuple(told.frequencies),
        tuple(told.covers),
        told.sign_off,
        told.look_back,
        told.limits.quarantined_percent,
        told.limits.withdrawn_percent,
    )


def _rows(texts: dict[str, str], name: str, make: Callable[[dict[str, str]], tuple[str, T]]) -> Iterator[tuple[str, T]]:
    reader = csv.DictReader(io.StringIO(texts[f"catalogue/{name}"]), strict=True)
    seen: set[str] = set()
    keyed = name in {"units.csv", "indicators.csv", "org_units.csv"}
    while True:
        try:
            row = next(reader)
            if None in row or None in row.values():
                raise ValueError("the line is too long or too short")
            key, made = make(row)
            if keyed and key in seen:
                raise ValueError(f"{key} stands there twice")
        except StopIteration:
            return
        except KeyError as error:
            raise ConfigurationError(f"catalogue/{name}, line {reader.line_num}: no column {error}") from error
        except csv.Error as error:  # it stops before it counts the line
            raise ConfigurationError(f"catalogue/{name}, line {reader.line_num + 1}: {error}") from error
        except (ValueError, InvalidOperation) as error:
            raise ConfigurationError(f"catalogue/{name}, line {reader.line_num}: {error}") from error
        seen.add(key)
        yield key, made


def _valid(row: dict[str, str]) -> Validity:
    first, last = (date.fromisoformat(row[k]) if row[k] else None for k in ("valid_from", "valid_to"))
    if first and last and last < first:
        raise ValueError(f"ends {last} before it begins {first}")
    return Validity(first, last)


def _unit(row: dict[str, str]) -> tuple[str, Unit]:
    factor = Decimal(row["factor"] or 1)
    return row["unit"], Unit(
        row["unit"], row["name_en"], int(row["decimals"] or 0), int(row["per"] or 1), row["base"], factor
    )


def _indicator(row: dict[str, str]) -> tuple[str, Indicator]:
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
    return row["code"], Indicator(
        row["code"],
        row["dataflow"],
        row["name_vi"],
        row["name_en"],
        row["unit"],
        row["kind"],
        row["agg_space"],
        row["agg_time"],
        row["numerator"],
        row["denominator"],
        frequencies,
        row["range"],
    )


def _org_unit(row: dict[str, str]) -> tuple[str, tuple[str, str, Validity]]:
    if not _SLUG.fullmatch(row["id"]):
        raise ValueError(f"id {row['id']!r} is no slug")
    return row["id"], (row["level"], row["parent"], _valid(row))


def _name(row: dict[str, str]) -> tuple[str, OrgUnitName]:
    return row["org_unit"], OrgUnitName(row["name"], row["name_en"], row["type"], _valid(row))


def _code(row: dict[str, str]) -> tuple[str, OrgUnitCode]:
    return row["org_unit"], OrgUnitCode(row["scheme"], row["code"], _valid(row))


def _membership(row: dict[str, str]) -> tuple[str, Membership]:
    return row["org_unit"], Membership(row["org_unit"], row["member"], _valid(row))


def _succession(row: dict[str, str]) -> tuple[str, Succession]:
    if row["kind"] not in {"merge", "split", "rename", "boundary transfer"}:
        raise ValueError(f"kind {row['kind']!r}")
    day = date.fromisoformat(row["date"])
    return row["predecessor"], Succession(day, row["kind"], row["predecessor"], row["successor"], row["legal_act"])


def _unknown_references(found: Catalogue, names: dict[str, Any], codes: dict[str, Any]) -> list[str]:
    """Every name that something in the catalogue refers to and that is not there."""
    problems: list[str] = []

    def refer(what: str, names: list[str], known: object) -> None:
        problems.extend(f"{what} names {name}, which is not there" for name in names if name not in known)  # type: ignore[operator]

    for indicator in found.indicators.values():
        refer(f"indicators.csv: {indicator.code}", [*indicator.components, *indicator.limits], found.indicators)
        refer(f"indicators.csv: {indicator.code}", [indicator.dataflow], found.dataflows)
        refer(f"indicators.csv: {indicator.code}", [indicator.unit], found.units)
        if (indicator.kind == "ratio") != (indicator.agg_space == "ratio") or (
            indicator.kind == "ratio" and not (indicator.numerator and indicator.denominator)
        ):
            problems.append(
                f"indicators.csv: {indicator.code}: a ratio needs agg_space ratio, numerator and denominator"
            )
    for unit in found.units.values():
        refer(f"units.csv: {unit.name}", [unit.base] if unit.base else [], found.units)
    for org_unit in found.org_units.values():
        refer(f"org_units.csv: {org_unit.id}", [org_unit.parent] if org_unit.parent else [], found.org_units)
    refer("org_unit_names.csv", list(names), found.org_units)
    refer("org_unit_codes.csv", list(codes), found.org_units)
    for member in found.memberships:
        refer("memberships.csv", [member.org_unit, member.member], found.org_units)
    for succession in found.successions:
        refer("successions.csv", [succession.predecessor, succession.successor], found.org_units)
    for dataflow in found.dataflows.values():
        refer(f"dataflows/{dataflow.id}.toml", list(dataflow.covers), found.org_units)
    return problems


def _cycles(found: Catalogue) -> list[str]:
    """Org units that are above themselves, by parents or by membership."""
    above: dict[str, set[str]] = {}
    for unit in found.org_units.values():
        above.setdefault(unit.id, set()).update({unit.parent} if unit.parent else set())
    members = {(m.member, m.org_unit) for m in found.memberships}
    for member, cluster in members:
        above.setdefault(member, set()).add(cluster)
    problems = []
    for name in sorted(above):
        reached: set[str] = set()
        waiting = list(above[name])
        while waiting:
            each = waiting.pop()
            if each not in reached:
                reached.add(each)
                waiting += above.get(each, ())
        if name in reached:
            file = "memberships.csv" if any(name in pair for pair in members) else "org_units.csv"
            problems.append(f"{file}: {name} is above itself")
    countries = {unit.id for unit in found.org_units.values() if unit.level == "country"}
    return problems + [f"memberships.csv: {m} is above {c}" for m, c in sorted(members) if m in countries]
