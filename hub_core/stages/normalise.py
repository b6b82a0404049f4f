"""Normalise: a reader's frame becomes a frame of observations, by a provision's mapping."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl

from hub_core.config.province import CATALOGUE, Province
from hub_core.errors import MappingError, SourceChanged
from hub_core.mapping import (
    LEAVE_OUT,
    OWN_WORDS,
    CodeTable,
    MapRule,
    UnitColumn,
    codelist,
    fold,
    period_reader,
    read_label,
)
from hub_core.mapping.lookup import IGNORED, Lookup
from hub_core.mapping.numbers import half_up, plain_floats, read_number
from hub_core.mapping.units import convert_units
from hub_core.model.catalogue import Catalogue
from hub_core.model.observation import MEASURES, STATUSES
from hub_core.model.period import Calendar, Period

_NUMBER, _REFUSED = "#number", "#refused"
_MAY_LEAVE_OUT = ("indicator", "org_unit")


@dataclass(frozen=True)
class Normalised:
    """Rows as indices into code lists, with their figures.

    ``ignored``: how many rows were left out by name; ``absent``: how many held no figure; ``nil``:
    the indices of the periods for which rows say that there is nothing to report, None where such a
    row has no period.
    """

    rows: pl.DataFrame
    ignored: int
    absent: int
    nil: frozenset[int | None] = frozenset()


class Normaliser:
    """Applies a provision's mapping to frames; it remembers what each distinct text stands for."""

    def __init__(
        self, province: Province, provision: str, catalogue: Catalogue, calendar: Calendar
    ) -> None:
        self.declared = province.provisions[provision]
        self.catalogue, self.calendar = catalogue, calendar
        self._mapped = {unicodedata.normalize("NFC", c) for c in self.declared.map.columns()}
        self._ignored = set(self.declared.ignore.columns) | {
            "row",
            "column",
            "part",
            _REFUSED,
        }
        rules = self.declared.map
        self._own_words = rules == OWN_WORDS
        self._figure_columns = [*self.declared.measures.values()] or [str(rules.value.column)]
        if self._own_words:
            self._ignored.add("nil")
        if self.declared.nil and self.declared.nil.column:
            self._mapped.add(unicodedata.normalize("NFC", self.declared.nil.column))

        def lookup(field: str, rule: MapRule, codes: list[str], *, open_: bool = False) -> Lookup:
            where = f"{provision}.toml, {field}"
            find = _finder(
                where, rule, _tables(province, catalogue, rule, where, field), codes, open_=open_
            )
            return Lookup(codes, find, open_=open_)

        self.periods = lookup("period", rules.period, [], open_=True)
        self.org_units = lookup("org_unit", rules.org_unit, catalogue.org_unit_ids)
        self.measures = lookup("measure", rules.measure, list(MEASURES))
        self.statuses = lookup("status", rules.status, list(STATUSES))
        self.dims = Lookup([""], lambda text, _: text, open_=True)
        self._dims = {
            name: lookup(f"dims.{name}", rule, [], open_=True)
            for name, rule in sorted(rules.dims.items())
        }
        indicator = rules.indicator or MapRule(column="indicator")
        unknown = sorted(set(self.declared.measures) - set(catalogue.indicators))
        if unknown:
            raise MappingError(
                f"{provision}.toml, measures: {', '.join(unknown)} is not in the catalogue"
            )
        self.indicators = lookup("indicator", indicator, catalogue.indicator_codes)
        dated = {
            "indicator": indicator,
            "org_unit": rules.org_unit,
            "measure": rules.measure,
            "status": rules.status,
        }
        self._dated = {
            field
            for field, r in dated.items()
            if any(t.dated for t in _tables(province, catalogue, r, "", field))
        }
        self._unit_lookup = Lookup(list(catalogue.units), codelist(catalogue, "unit"))
        unit = rules.value.unit
        if isinstance(unit, str) and codelist(catalogue, "unit")(unit, None) is None:
            raise MappingError(
                f"{provision}.toml, value.unit: {unit} is not in the catalogue",
                province=province.id,
            )

    def __call__(self, frame: pl.DataFrame) -> Normalised:
        """Map one reader's frame, with ``part`` added, to observations.

        Gives ``indicator, org_unit, period, measure, dims, status, unit`` (UInt32, null where
        unknown), ``value`` (Decimal(38,6)), ``fault`` (UInt8), ``part, row, column``, and
        ``~field``, the text of each. Raises SourceChanged where a column is missing or is neither
        mapped nor ignored.
        """
        frame = frame.rename(lambda name: unicodedata.normalize("NFC", name))
        self._check_columns(frame)
        frame, nil = self._nil(frame)
        wide = self.declared.measures
        if wide:
            pieces = [self._rows(frame, column, indicator) for indicator, column in wide.items()]
            rows = (
                pl.concat(pieces).sort("part", "row", maintain_order=True)
                if len(pieces) > 1
                else pieces[0]
            )
        else:
            rows = self._rows(frame, str(self.declared.map.value.column), None)
        ignored = pl.any_horizontal(
            (pl.col(f) == IGNORED).fill_null(value=False) for f in _MAY_LEAVE_OUT
        )
        kept = rows.filter(~ignored)
        missing = (pl.col("status") == self.statuses.codes.index("M")).fill_null(value=False)
        blank = missing & (pl.col("~value") == "")  # said to be missing, and nothing there
        kept = kept.with_columns(
            pl.when(~blank.fill_null(value=False)).then("~value").alias("~value"),
            pl.when(blank).then(0).otherwise("fault").cast(pl.UInt8).alias("fault"),
        )
        with_figures = kept.filter(
            pl.col("~value").is_not_null() | missing | pl.col("~refused").is_not_null()
        )
        return Normalised(
            with_figures, rows.height - kept.height, kept.height - with_figures.height, nil
        )

    def _nil(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, frozenset[int | None]]:
        """Take the rows that say nil out of a frame.

        Gives the frame without them, and the periods that they say nil for. A row that says nil and
        holds a figure stays in the frame.
        """
        declared = self.declared.nil
        if declared is not None and declared.column is not None and declared.is_ is not None:
            column, word = unicodedata.normalize("NFC", declared.column), fold(declared.is_)
        elif "nil" in frame.columns and self._own_words:
            column, word = "nil", "x"
        else:
            return frame, frozenset()
        texts = self._texts(frame, MapRule(column=column))
        hits = [text for text in texts.unique().drop_nulls() if fold(text) == word]
        says_nil = texts.is_in(hits).fill_null(value=False)
        if _REFUSED in frame.columns:
            says_nil &= frame[_REFUSED].is_null()
        if not says_nil.any():
            return frame, frozenset()
        period_texts = self._texts(frame.filter(says_nil), self.declared.map.period)
        periods = self.periods.resolve(period_texts)
        unread = period_texts.filter(periods.is_null() & period_texts.is_not_null())
        if len(unread):
            raise SourceChanged(
                f"a nil return is for {unread[0]!r}, which is no period that the mapping can read"
            )
        figures = [c for c in self._figure_columns if c in frame.columns and c != column]
        figures += [
            c + _NUMBER
            for c in self._figure_columns
            if c + _NUMBER in frame.columns and c != column
        ]
        has_figure = (
            pl.any_horizontal(pl.col(figures).cast(pl.String).str.strip_chars() != "")
            if figures
            else pl.lit(False)
        )
        with_figure = frame.select(has_figure.fill_null(value=False).alias("holds")).to_series()
        return frame.filter(~says_nil | with_figure), frozenset(periods.to_list())

    def _check_columns(self, frame: pl.DataFrame) -> None:
        present = {name.removesuffix(_NUMBER) for name in frame.columns}
        needed = self._mapped | set(self.declared.measures.values())
        missing, unmapped = sorted(needed - present), sorted(present - needed - self._ignored)
        if missing:
            raise SourceChanged(
                f"column {', '.join(missing)} is not in the payload; "
                f"it has {', '.join(sorted(present))}"
            )
        if unmapped:
            raise SourceChanged(f"column {', '.join(unmapped)} is neither mapped nor ignored")

    def _rows(self, frame: pl.DataFrame, value: str, indicator: str | None) -> pl.DataFrame:
        rules = self.declared.map
        columns: list[pl.Series] = []

        def add(field: str, indices: pl.Series, texts: pl.Series) -> None:
            columns.extend([indices.alias(field), texts.alias(f"~{field}")])

        period_texts = self._texts(frame, rules.period)
        periods = self.periods.resolve(period_texts)

        def add_mapped(field: str, rule: MapRule, lookup: Lookup) -> None:
            texts = self._texts(frame, rule)
            if field in self._dated:
                indices = self._on_their_day(lookup, texts, periods)
            elif rule.fixed is not None:  # one word for all
                indices = lookup.resolve(texts.head(1)).gather(
                    pl.zeros(len(texts), pl.UInt32, eager=True)
                )
            else:
                indices = lookup.resolve(texts)
            add(field, indices, texts)

        indicator_rule = MapRule(fixed=indicator) if indicator is not None else rules.indicator
        assert indicator_rule is not None
        add_mapped("indicator", indicator_rule, self.indicators)
        add("period", periods, period_texts)
        add_mapped("org_unit", rules.org_unit, self.org_units)
        add_mapped("measure", rules.measure, self.measures)
        add_mapped("status", rules.status, self.statuses)
        add("dims", *self._dimensions(frame))
        add("unit", *self._units(frame))
        refused = (
            frame[_REFUSED] if _REFUSED in frame.columns else pl.Series([None], dtype=pl.String)
        )
        columns.append(
            (
                refused if len(refused) == frame.height else refused.new_from_index(0, frame.height)
            ).alias("~refused")
        )
        columns += [*self._figures(frame, value), frame["part"], frame["row"]]
        source = (
            frame["column"]
            if "column" in frame.columns
            else pl.Series([value]).new_from_index(0, frame.height)
        )
        rows = pl.DataFrame([*columns, source.cast(pl.String).alias("column")])
        rows = convert_units(rows, self.catalogue) if rules.value.unit else rows
        decimals = rules.value.round
        return rows if decimals is None else rows.with_columns(half_up(pl.col("value"), decimals))

    def _units(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Return the index and the text of each row's unit; index 0 where none is declared."""
        unit = self.declared.map.value.unit
        column = unit.column if isinstance(unit, UnitColumn) else None
        fixed = None if isinstance(unit, UnitColumn) else unit or ""
        texts = self._texts(frame, MapRule(column=column, fixed=fixed))
        if not unit:
            return pl.zeros(frame.height, pl.UInt32, eager=True), texts
        return self._unit_lookup.resolve(texts), texts

    def _texts(self, frame: pl.DataFrame, rule: MapRule) -> pl.Series:
        """Return the texts that a rule reads: its column's, null where empty, or its fixed text."""
        if rule.fixed is not None:
            return pl.Series([rule.fixed], dtype=pl.String).new_from_index(0, frame.height)
        name = str(rule.column)
        texts = frame[name].cast(pl.String) if name in frame.columns else frame[name + _NUMBER]
        if name in frame.columns and name + _NUMBER in frame.columns:
            texts = texts.zip_with(texts.is_not_null(), frame[name + _NUMBER])
        return texts

    def _on_their_day(self, lookup: Lookup, texts: pl.Series, periods: pl.Series) -> pl.Series:
        """Look codes up in a table with dates, as of the last day of each row's period."""
        undated = texts.zip_with(periods.is_null(), texts.clear().extend_constant(None, len(texts)))
        indices = lookup.resolve(undated)  # an unknown period alone is then reported
        for index in periods.drop_nulls().unique():
            last = Period.parse(self.periods.codes[index]).days(self.calendar)[1]
            indices = lookup.resolve(texts, last).zip_with(
                (periods == index).fill_null(value=False), indices
            )
        return indices

    def _dimensions(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """Map each row's dimensions, sorted by id.

        Gives the index of their canonical text, and the texts that they were read from.
        """
        rules = self.declared.map.dims
        if not rules:
            return pl.zeros(frame.height, pl.UInt32, eager=True), pl.Series([""]).new_from_index(
                0, frame.height
            )
        parts, source_texts = [], []
        complete = pl.repeat(value=True, n=frame.height, eager=True, dtype=pl.Boolean)
        for name, lookup in self._dims.items():
            texts = self._texts(frame, rules[name])
            indices = lookup.resolve(texts)
            complete = complete & indices.is_not_null()
            codes = pl.Series(lookup.codes, dtype=pl.String).gather(indices)
            parts.append(
                pl.select(pl.when(codes != "_T").then(pl.lit(f"{name}=") + codes)).to_series()
            )
            source_texts.append(texts)
        text = pl.select(pl.concat_str(parts, separator=";", ignore_nulls=True)).to_series()
        indices = self.dims.resolve(
            text.zip_with(complete, pl.Series([None], dtype=pl.String).new_from_index(0, len(text)))
        )
        joined = pl.concat_str(source_texts, separator=";", ignore_nulls=True)
        return indices, pl.select(joined).to_series()

    def _figures(self, frame: pl.DataFrame, column: str) -> list[pl.Series]:
        """Read value, fault and original text of a column: text in the locale, or bare numbers."""
        locale, fine = self.declared.map.value.number, self.declared.map.value.round is not None
        numbers = column + _NUMBER
        if column not in frame.columns:
            text = frame[numbers]
            value, fault = read_number(text, "plain", fine=fine)
        elif frame.schema[column] != pl.String:
            text = (
                plain_floats(frame[column])
                if frame.schema[column].is_float()
                else frame[column].cast(pl.String)
            )
            value, fault = read_number(text, "plain", fine=fine)
        else:
            text = frame[
                column
            ].str.strip_chars()  # null is no figure; a blank text is one that is not a number
            value, fault = read_number(text, locale, fine=fine)
            if numbers in frame.columns:
                bare, bare_fault = read_number(frame[numbers], "plain", fine=fine)
                is_bare = frame[numbers].is_not_null()
                value, fault = bare.zip_with(is_bare, value), bare_fault.zip_with(is_bare, fault)
                text = frame[numbers].zip_with(is_bare, text)
        return [value.alias("value"), fault.alias("fault"), text.alias("~value")]


def _tables(
    province: Province, catalogue: Catalogue, rule: MapRule, where: str, field: str
) -> list[CodeTable]:
    """List the code tables of a rule: the package's own, and the catalogue's names."""
    tables = []
    for name_or_codes in rule.tables:
        if name_or_codes != CATALOGUE:
            tables.append(province.table(name_or_codes, where))
        elif field in ("org_unit", "indicator"):
            tables.append(codelist(catalogue, field))
        else:
            raise MappingError(
                f"{where}: the catalogue lists names of org_unit and indicator",
                province=province.id,
            )
    return tables


def _finder(
    where: str, rule: MapRule, tables: list[CodeTable], codes: list[str], *, open_: bool
) -> Callable[[str, date | None], str | None]:
    """Return a function that finds a code for a text, by the one rule that is declared.

    Raises MappingError where the rule names codes that are not there.
    """
    is_period = where.endswith(", period")
    unknown_is = "is no period" if is_period else "is not in the catalogue"
    if tables:
        listed = {target for table in tables for target in table.targets}
        if LEAVE_OUT in listed and not where.endswith(
            tuple(f", {field}" for field in _MAY_LEAVE_OUT)
        ):
            raise MappingError(f"{where}: '-' leaves rows out by org_unit or indicator only")
        targets = listed - {LEAVE_OUT}
        allowed = (
            {t for t in targets if read_label(t, None) == t}
            if is_period
            else targets
            if open_
            else set(codes)
        )
        if targets - allowed:
            unknown = ", ".join(sorted(targets - allowed))
            raise MappingError(f"{where}: {unknown or 'an empty code'} {unknown_is}")
        return lambda text, day: next(
            (code for table in tables if (code := table(text, day)) is not None), None
        )
    if rule.pattern is not None:
        return period_reader([rule.pattern] if isinstance(rule.pattern, str) else rule.pattern)
    find = read_label if is_period else lambda text, _: text.strip()
    if rule.fixed is not None and (not open_ or is_period):
        fixed_code = find(rule.fixed, None)
        if fixed_code is None or (fixed_code not in codes and not is_period):
            raise MappingError(f"{where}: {rule.fixed} {unknown_is}")
    return find
