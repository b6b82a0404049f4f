"""The mapping from a department's row to observations: four rules, and how figures are written."""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hub_core.mapping.codes import LEAVE_OUT, Code, CodeTable, codelist, fold
from hub_core.mapping.periods import period_reader, read_label

__all__ = [
    "LEAVE_OUT",
    "OWN_WORDS",
    "Code",
    "CodeTable",
    "Declared",
    "MapRule",
    "Mapping",
    "Nil",
    "UnitColumn",
    "ValueRule",
    "codelist",
    "fold",
    "period_reader",
    "read_label",
]


class Declared(BaseModel):
    """A piece of a province's TOML: frozen, and strict about what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MapRule(Declared):
    """One component by one rule: a column (perhaps through codes or a date pattern), or a constant.

    ``codes`` are words in line, a CSV file of the package, ``catalogue`` for the names and aliases
    that the catalogue lists, or several of these, looked up in order.
    """

    column: str | None = None
    codes: str | dict[str, str] | list[str] | None = None
    pattern: str | list[str] | None = None
    fixed: str | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if (self.column is None) == (self.fixed is None):
            raise ValueError("give either column or fixed")
        if sum(rule is not None for rule in (self.codes, self.pattern, self.fixed)) > 1:
            raise ValueError("a component is mapped by one rule: column, codes, pattern or fixed")
        return self

    @property
    def tables(self) -> list[str | dict[str, str]]:
        """The code tables that it names, in the order in which they are looked up."""
        if self.codes is None:
            return []
        return list(self.codes) if isinstance(self.codes, list) else [self.codes]


class UnitColumn(Declared):
    """The column that names each row's unit."""

    column: str


class ValueRule(Declared):
    """The figure's column, its number locale, and its unit where it is not the indicator's own.

    ``round``: to how many decimals a figure with more is rounded, half up; without it such a figure
    is V003.
    """

    column: str | None = None
    number: Literal["vi", "en"]
    unit: str | UnitColumn | None = None
    round: Annotated[int, Field(ge=0, le=6)] | None = None


class Nil(Declared):
    """What a payload holds where there is nothing to report.

    ``column`` and ``is``: a column's cell in a row. ``text``: a text in a payload without rows.
    """

    column: str | None = None
    is_: str | None = Field(default=None, alias="is", min_length=1)
    text: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _row_or_payload(self) -> Self:
        if (self.column is None) != (self.is_ is None) or (self.column is None) == (
            self.text is None
        ):
            raise ValueError(
                "say nil by column and is, for a row, or by text, for a payload without rows"
            )
        return self

    def stands_in(self, content: bytes) -> bool:
        """Tell whether a part without rows says nil.

        It does where the text is in it, in UTF-8 or as JSON escapes it.
        """
        if self.text is None:
            return False
        spellings = (
            self.text,
            unicodedata.normalize("NFD", self.text),
            json.dumps(self.text)[1:-1],
        )
        return any(spelling.encode() in content for spelling in spellings)


class Mapping(Declared):
    """How a department's rows become observations, component by component."""

    org_unit: MapRule
    period: MapRule
    value: ValueRule
    indicator: MapRule | None = None
    measure: MapRule = MapRule(fixed="actual")
    status: MapRule = MapRule(fixed="A")
    dims: dict[str, MapRule] = {}

    def columns(self) -> set[str]:
        """List the source columns that the rules read."""
        rules = [self.org_unit, self.period, self.measure, self.status, *self.dims.values()]
        names = {rule.column for rule in [*rules, self.indicator] if rule and rule.column}
        if isinstance(self.value.unit, UnitColumn):
            names.add(self.value.unit.column)
        return names | ({self.value.column} if self.value.column else set())


OWN_WORDS = Mapping(
    org_unit=MapRule(column="org_unit"),
    period=MapRule(column="period"),
    indicator=MapRule(column="indicator"),
    value=ValueRule(column="value", number="vi", unit=UnitColumn(column="unit")),
    status=MapRule(column="status"),
)
"""The mapping of a reader that speaks the hub's own words, as a form's does."""
