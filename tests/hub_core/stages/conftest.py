"""A small catalogue, and declarations that read rows by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hub_core.config.province import Province, Provision
from hub_core.model.catalogue import Catalogue, Indicator, Unit
from hub_core.model.observation import SCHEMA
from hub_core.model.org_unit import OrgUnit, Validity
from hub_core.model.period import Calendar
from hub_core.rules import RuleContext
from hub_core.stages.normalise import Normaliser
from hub_core.stages.validate import Codes, Validator, figures

Rows = list[dict[str, Any]]
ONE = Decimal(1)


def indicator(code: str, unit: str) -> Indicator:
    return Indicator(code, "F", code, code, unit, "stock", "sum", "last", "", "", ("Q",), "any")


CATALOGUE = Catalogue(
    {},
    {
        each.code: each
        for each in (indicator("A", "thuê bao"), indicator("B", "%"), indicator("C", "thuê bao"))
    },
    {
        "thuê bao": Unit("thuê bao", "subscriptions", 0, 1, "", ONE),
        "nghìn thuê bao": Unit("nghìn thuê bao", "thousand", 0, 1, "thuê bao", Decimal(1000)),
        "%": Unit("%", "percent", 2, 100, "", ONE),
        "phần nghìn": Unit("phần nghìn", "per mille", 2, 1, "%", Decimal("0.1")),
    },
    {unit: OrgUnit(unit, "province", "", Validity()) for unit in ("p-1", "p-2", "p-old", "p-new")},
    (),
    (),
    "",
)
LIMITS = RuleContext(CATALOGUE, frozenset(CATALOGUE.org_units), frozenset(CATALOGUE.indicators))
LONG: dict[str, Any] = {
    "org_unit": {"column": "dv"},
    "period": {"column": "ky"},
    "indicator": {"column": "ct"},
    "value": {"column": "gt", "number": "vi"},
}
ROW = {"dv": "p-1", "ky": "2025-Q1", "ct": "A", "gt": "5"}


@dataclass
class Read:
    """What a normaliser made of frames, and what the rules say to it."""

    kept: Rows
    left: set[tuple[int, str, str, str]]  # row, code, field, text
    ignored: int
    absent: int

    @property
    def figures(self) -> list[tuple[str, str]]:
        """(indicator, value) of what stays, as plain text."""
        return [
            (row["indicator"], f"{row['value'].normalize():f}" if row["value"] is not None else "")
            for row in self.kept
        ]


class Declared:
    """A provision as a province's TOML would declare it."""

    def __init__(self, root: Path, **declared: Any) -> None:
        provision = Provision.model_validate(
            {
                "dataflow": "F",
                "provider": "P.D",
                "source": {"kind": "x"},
                "reader": {"kind": "x"},
                "map": {**LONG, **declared.pop("map", {})},
                **declared,
            }
        )
        province = Province("p", "P", "province", "", (), (), {"x": provision}, root)
        self.normalise = Normaliser(
            province, "x", CATALOGUE, declared.get("calendar", Calendar.STATISTICAL)
        )

    def read(self, *frames: pl.DataFrame | Rows, asked: list[str] | None = None) -> Read:
        n = self.normalise
        lists = {
            name: getattr(
                n, name if name == "dims" else {"status": "statuses"}.get(name, f"{name}s")
            ).codes
            for name in ("indicator", "org_unit", "period", "measure", "dims", "status")
        }
        codes = Codes("S", lists)
        validate = Validator(LIMITS, codes, asked)
        kept, ignored, absent, start = [], 0, 0, 0
        for each in frames:
            frame = each if isinstance(each, pl.DataFrame) else pl.DataFrame(each)
            rows = pl.int_range(start, start + frame.height, dtype=pl.UInt64, eager=True).alias(
                "row"
            )
            if "row" not in frame.columns:
                frame = frame.with_columns(rows)
            start += frame.height
            made = n(frame.with_columns(part=pl.lit(0, dtype=pl.UInt32)))
            kept.append(validate(made.rows))
            ignored += made.ignored
            absent += made.absent
        table = figures(pl.concat(kept), codes).cast(dict(SCHEMA))
        left = pl.concat(validate.quarantine).rows(named=True) if validate.quarantine else []
        return Read(
            table.rows(named=True),
            {(r["row"], r["code"], r["field"], r["text"]) for r in left},
            ignored,
            absent,
        )


Declare = Callable[..., Declared]


@pytest.fixture
def declare(tmp_path: Path) -> Declare:
    """Make a provision; ``files`` are the package's code tables."""

    def made(files: dict[str, str] | None = None, **declared: Any) -> Declared:
        for name, text in (files or {}).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        return Declared(tmp_path, **declared)

    return made


def row(**cells: Any) -> dict[str, Any]:
    return {**ROW, **cells}
