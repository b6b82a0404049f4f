"""The rules that figures are held to, as frame expressions; their catalogue is published from here.

Row rules see a normalised frame: ``indicator``, ``org_unit``, ``period`` and ``status`` as indices into
their code lists (null where unknown), ``value``, ``fault`` (2 no number, 3 too many decimals, 4 too
large) and, as ``~field``, the text that each was read from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from hub_core.model.finding import RuleText, Severity
from hub_core.model.observation import VALUE

if TYPE_CHECKING:
    from hub_core.model.catalogue import Catalogue

FIELDS = ("indicator", "org_unit", "period", "measure", "dims", "status", "unit")
NOT_A_NUMBER, TOO_PRECISE, TOO_LARGE = 2, 3, 4


@dataclass(frozen=True)
class Limits:
    """What a rule may look at beside the row: the catalogue and what the obligation speaks for."""

    catalogue: Catalogue
    speaks_for: frozenset[str]
    indicators: frozenset[str]


@dataclass(frozen=True)
class Fault:
    """A broken rule found by an expression: which field it is about, and where its text stands."""

    field: str
    broken: pl.Expr


@dataclass(frozen=True)
class Rule:
    """A published rule; ``faults`` gives the expressions of a row rule, others are asked elsewhere."""

    text: RuleText
    faults: Callable[[Limits], list[Fault]] | None = None


def _flags(codes: list[str], chosen: Callable[[str], bool], column: str) -> pl.Expr:
    """True where the code that a column's index stands for is a chosen one; null where it has none."""
    flags = pl.Series([chosen(code) for code in codes], dtype=pl.Boolean)
    return pl.lit(flags).gather(pl.col(column))


def _unknown(_: Limits) -> list[Fault]:
    return [Fault(field, pl.col(field).is_null()) for field in FIELDS]


def _fault(number: int) -> Callable[[Limits], list[Fault]]:
    return lambda _: [Fault("value", pl.col("fault") == number)]


def _plain_range(limits: Limits, code: str) -> bool:
    """Whether V004 asks for an indicator's range: not where V005, V007 or V014 does."""
    indicator = limits.catalogue.indicators[code]
    return indicator.range != ">=0" and not (indicator.kind == "ratio" and indicator.range == "0..100")


def _out_of_range(limits: Limits) -> list[Fault]:
    catalogue = limits.catalogue
    broken = pl.col("fault") == TOO_LARGE
    compared: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
        ">=": lambda value, bound: value < bound,
        "<=": lambda value, bound: value > bound,
        ">": lambda value, bound: value <= bound,
        "<": lambda value, bound: value >= bound,
    }
    bounded = {
        code: dict(catalogue.indicators[code].bounds)
        for code in catalogue.indicator_codes
        if _plain_range(limits, code)
    }
    for operator, breaks in compared.items():
        bounds: list[Decimal | None] = [bounded.get(c, {}).get(operator) for c in catalogue.indicator_codes]
        if any(bound is not None for bound in bounds):
            series = pl.Series(bounds, dtype=VALUE)
            broken = broken | breaks(pl.col("value"), pl.lit(series).gather(pl.col("indicator"))).fill_null(value=False)
    return [Fault("value", broken)]


def _negative(limits: Limits) -> list[Fault]:
    indicators = limits.catalogue.indicators
    guarded = _flags(limits.catalogue.indicator_codes, lambda c: indicators[c].range == ">=0", "indicator")
    return [Fault("value", (pl.col("value") < 0) & guarded)]


def _outside(limits: Limits) -> list[Fault]:
    catalogue = limits.catalogue
    return [
        Fault("org_unit", ~_flags(catalogue.org_unit_ids, limits.speaks_for.__contains__, "org_unit")),
        Fault("indicator", ~_flags(catalogue.indicator_codes, limits.indicators.__contains__, "indicator")),
    ]


def _text(code: str, severity: Severity, scope: str, vi: str, en: str, owner: str = "province") -> RuleText:
    return RuleText(code, severity, owner, scope, vi, en)


_ERROR, _BLOCKING = Severity.ERROR, Severity.BLOCKING

RULES: dict[str, Rule] = {
    rule.text.code: rule
    for rule in [
        Rule(_text("V001", _ERROR, "row", "Mã không có trong danh mục", "Code is not in the codelist"), _unknown),
        Rule(_text("V002", _ERROR, "row", "Giá trị không phải là số", "Value is not a number"), _fault(NOT_A_NUMBER)),
        Rule(
            _text("V003", _ERROR, "row", "Quá sáu chữ số thập phân", "More than six decimals"),
            _fault(TOO_PRECISE),
        ),
        Rule(
            _text("V004", _ERROR, "row", "Giá trị ngoài miền cho phép", "Value is out of the indicator's range"),
            _out_of_range,
        ),
        Rule(_text("V005", _ERROR, "row", "Giá trị âm", "Value is negative"), _negative),
        Rule(
            _text(
                "V006",
                _ERROR,
                "submission",
                "Trùng khóa: số liệu này đã có ở dòng trước",
                "Duplicate key: an earlier row has this figure",
            )
        ),
        Rule(
            _text(
                "V012",
                Severity.INFO,
                "row",
                "Kỳ báo cáo không được hỏi đến",
                "Period was not asked for",
            )
        ),
        Rule(
            _text(
                "V015",
                _BLOCKING,
                "row",
                "Ngoài phạm vi mà đơn vị được báo cáo",
                "Outside what the provider speaks for",
            ),
            _outside,
        ),
        Rule(
            _text(
                "V016",
                _BLOCKING,
                "submission",
                "Quá nhiều dòng bị loại",
                "Too large a share of the rows is quarantined",
            )
        ),
        Rule(
            _text(
                "V017",
                _BLOCKING,
                "history",
                "Quá nhiều số liệu hiện hành bị rút",
                "Too large a share of the current figures is withdrawn",
            )
        ),
        Rule(
            _text(
                "V018",
                _BLOCKING,
                "hub",
                "Hai nguồn cùng báo cáo một số liệu",
                "Two provisions speak for one figure",
                owner="hub",
            )
        ),
    ]
}


def digest(rules: dict[str, Rule]) -> str:
    """The sha256 over the rules in force: code, severity and scope."""
    lines = [f"{r.text.code}\t{r.text.severity}\t{r.text.scope}\t{r.text.en}\n" for r in rules.values()]
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
