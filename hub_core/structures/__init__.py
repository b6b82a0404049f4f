"""The catalogue from its files (CSV tables and one TOML a dataflow), and snapshots by digest."""

from __future__ import annotations

import hashlib
import json
import tomllib
import unicodedata
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from hub_core.errors import ConfigurationError, StoreError
from hub_core.model.catalogue import Catalogue, Dataflow
from hub_core.model.formats import explain
from hub_core.model.org_unit import OrgUnit, OrgUnitCode, OrgUnitName
from hub_core.model.period import Calendar
from hub_core.structures import places, problems, rows

TABLES = (
    "units.csv",
    "indicators.csv",
    "org_units.csv",
    "org_unit_names.csv",
    "org_unit_codes.csv",
    "memberships.csv",
    "successions.csv",
    "aliases.csv",
)


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")
    quarantined_percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal(5)
    withdrawn_percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal(20)
    parts_percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal("0.001")


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
    gap: Literal["leave out", "carry forward"] = "leave out"
    calendars: Literal["one", "mixed"] = "one"
    limits: _Limits = _Limits()


def read_texts(config: Path) -> dict[str, str]:
    """Read the catalogue's files under a config folder, as texts by relative name.

    Raises ConfigurationError naming a file that is missing or not UTF-8.
    """
    names = [f"catalogue/{name}" for name in TABLES]
    names += sorted(f"dataflows/{path.name}" for path in (config / "dataflows").glob("*.toml"))
    texts = {}
    for name in names:
        try:
            texts[name] = unicodedata.normalize(
                "NFC", (config / name).read_text(encoding="utf-8-sig")
            )
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{config / name} cannot be read: {error}") from error
    return texts


def digest(texts: dict[str, str]) -> str:
    """Return the sha256 over a catalogue's files."""
    return hashlib.sha256(
        json.dumps(texts, ensure_ascii=False, sort_keys=True).encode()
    ).hexdigest()


def keep(texts: dict[str, str], folder: Path) -> Path:
    """Keep a snapshot of a catalogue's files under its digest, and return the snapshot's path."""
    path = folder / f"{digest(texts)}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(texts, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        scratch.replace(path)
    return path


@cache
def open_snapshot(path: Path) -> Catalogue:
    """Read the catalogue that was kept in a snapshot of format 1.

    Raises StoreError where it is not what was kept, and where this hub does not know its format.
    """
    try:
        content = path.read_bytes()
        texts = json.loads(content)
        if "format" in texts:  # a later one; format 1 has the names of files alone
            raise ValueError(
                f"it has format {texts['format']}, and this hub reads 1: upgrade the hub"
            )
        if hashlib.sha256(content).hexdigest() != path.stem:
            raise ValueError("it is not the catalogue that was kept: bring it back from a backup")
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: {error}") from error
    return catalogue(texts, kept=True)


def catalogue(texts: dict[str, str], *, kept: bool = False) -> Catalogue:
    """Build the catalogue that these files declare.

    ``kept``: whether they are of a snapshot; what was in use once need not pass today's checks of
    how indicators and org units fit together. Raises ConfigurationError naming file and line.
    """
    units = dict(rows.rows(texts, "units.csv", rows.unit))
    indicators = dict(rows.rows(texts, "indicators.csv", rows.indicator))
    names: dict[str, list[OrgUnitName]] = {}
    for unit, named in rows.rows(texts, "org_unit_names.csv", rows.name):
        names.setdefault(unit, []).append(named)
    codes: dict[str, list[OrgUnitCode]] = {}
    for unit, code in rows.rows(texts, "org_unit_codes.csv", rows.code):
        codes.setdefault(unit, []).append(code)
    org_units = {
        unit: OrgUnit(
            id=unit,
            level=level,
            parent=parent,
            valid=valid,
            names=tuple(names.get(unit, ())),
            codes=tuple(codes.get(unit, ())),
        )
        for unit, (level, parent, valid) in rows.rows(texts, "org_units.csv", rows.org_unit)
    }
    memberships = tuple(m for _, m in rows.rows(texts, "memberships.csv", rows.membership))
    successions = tuple(s for _, s in rows.rows(texts, "successions.csv", rows.succession))
    dataflows = _read_dataflows(texts)
    aliases = tuple(a for _, a in rows.rows(texts, "aliases.csv", rows.alias))
    built = Catalogue(
        dataflows=dataflows,
        indicators=indicators,
        units=units,
        org_units=org_units,
        memberships=memberships,
        successions=successions,
        digest=digest(texts),
        aliases=aliases,
    )
    broken_links = [*problems.unknown_references(built, names, codes), *problems.cycles(built)]
    complaints = broken_links or (
        [] if kept else [*problems.misfits(built), *places.problems(built)]
    )
    if complaints:
        raise ConfigurationError("; ".join(complaints))
    return built


def _read_dataflows(texts: dict[str, str]) -> dict[str, Dataflow]:
    dataflows: dict[str, Dataflow] = {}
    for name in sorted(n for n in texts if n.startswith("dataflows/")):
        dataflow = _read_dataflow(name, texts[name])
        if dataflow.id in dataflows:
            raise ConfigurationError(f"{name}: there is a dataflow {dataflow.id} already")
        dataflows[dataflow.id] = dataflow
    return dataflows


def _read_dataflow(name: str, text: str) -> Dataflow:
    try:
        declared = _Dataflow.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{name}: {explain(error)}") from error
    return Dataflow(
        id=declared.id,
        name_vi=declared.name_vi,
        name_en=declared.name_en,
        calendar=Calendar(declared.calendar),
        frequencies=tuple(declared.frequencies),
        covers=tuple(declared.covers),
        sign_off=declared.sign_off,
        look_back=declared.look_back,
        quarantined_percent=declared.limits.quarantined_percent,
        withdrawn_percent=declared.limits.withdrawn_percent,
        parts_percent=declared.limits.parts_percent,
        gap=declared.gap,
        mixed=declared.calendars == "mixed",
    )
