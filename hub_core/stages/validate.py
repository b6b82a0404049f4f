"""Validate: rows that break a rule leave to the quarantine with their reason; the rest stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import polars as pl

from hub_core.mapping.lookup import IGNORED
from hub_core.model.finding import Finding, Severity
from hub_core.model.observation import INDEXED, KEY, QUARANTINE, packed
from hub_core.rules import RULES, Rule, RuleContext, SubmissionView, Violations

INDICES = ("indicator", "org_unit", "period", "measure", "dims", "status")
_PLACE = ("part", "row", "column")
_BROKEN = 10_000  # rows that wait until it is told what is wrong with them
_TOLD = 500  # characters of a text that the quarantine keeps; the rest stands in the payload
_LEAVE = (
    Severity.ERROR,
    Severity.BLOCKING,
)  # a row that breaks such a rule leaves; others stay with a remark


class Codes:
    """What the indices of a normalised frame stand for.

    ``period`` and ``dims`` grow while a payload is read.
    """

    def __init__(self, calendar: str, lists: dict[str, list[str]]) -> None:
        self.calendar = calendar
        self.lists = lists

    @property
    def sizes(self) -> list[int]:
        """How many codes each column of INDEXED has."""
        return [len(self.lists[name]) for name in INDEXED]

    def texts(self, column: str) -> pl.Expr:
        """The texts of a column of indices; null where there is none."""
        codes = pl.Series(self.lists[column], dtype=pl.String)
        known = pl.when(pl.col(column) < IGNORED).then(pl.col(column))
        return pl.lit(codes).gather(known).alias(column)

    def coded(self, column: str) -> pl.Expr:
        """A column of known indices as codes that take four bytes each."""
        return (
            pl.lit(pl.Series(self.lists[column], dtype=pl.Categorical))
            .gather(pl.col(column))
            .alias(column)
        )

    def ranked(self, column: str) -> pl.Expr:
        """A column of indices in the order of their codes' UTF-8 bytes."""
        codes = self.lists[column]
        order = sorted(range(len(codes)), key=lambda n: codes[n].encode())
        if order == list(range(len(codes))):
            return pl.col(column)
        ranks = pl.Series(sorted(range(len(order)), key=order.__getitem__), dtype=pl.UInt32)
        return pl.lit(ranks).gather(pl.col(column))


class Validator:
    """The row rules of one gather; keeps its findings and its quarantine."""

    def __init__(
        self,
        limits: RuleContext,
        codes: Codes,
        asked: list[str] | None,
        rules: dict[str, Rule] = RULES,
    ) -> None:
        self._limits, self._rules = limits, rules
        self._codes = codes
        self._asked = asked
        self._made_for = -1  # how many periods there were when the checks were made
        self._broken: list[
            tuple[pl.DataFrame, pl.DataFrame]
        ] = []  # rows with the checks that they broke
        self._quarantine: list[pl.DataFrame] = []
        self._remarked: list[pl.DataFrame] = []
        self.not_asked = 0

    def _make_checks(self) -> None:
        """The expressions of the row rules, made anew where a period came that they did not know."""
        periods = len(self._codes.lists["period"])
        if periods == self._made_for:
            return
        self._tell()
        self._made_for = periods
        checks = [
            (rule, fault.field, fault.broken.fill_null(value=False))
            for rule in self._rules.values()
            if rule.row_checks
            for fault in rule.row_checks(self._limits)
        ]
        self._checks = sorted(checks, key=lambda check: check[0].text.severity not in _LEAVE)
        self._leaving = sum(
            rule.text.severity in _LEAVE for rule, _, _ in checks
        )  # they come first

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that broke no rule: indices, ``value``, ``part, row, column``."""
        self._make_checks()
        if self._asked is not None:
            wanted = [
                n for n, label in enumerate(self._codes.lists["period"]) if label in self._asked
            ]
            if len(wanted) < len(self._codes.lists["period"]):
                kept = rows.filter(pl.col("period").is_in(wanted) | pl.col("period").is_null())
                self.not_asked += rows.height - kept.height
                rows = kept
        refused = rows["~refused"].is_not_null()
        if refused.any():  # of a row that its reader does not vouch for nothing else is asked
            alone = [check for check in self._checks if check[0].text.code == "V019"]
            for rule, field, _ in alone:
                self._quarantine.append(self._told(rows.filter(refused), rule, field))
            rows = rows.filter(~refused)
        hits = rows.select(check.alias(str(n)) for n, (_, _, check) in enumerate(self._checks))
        left = hits.select(
            pl.any_horizontal(*map(str, range(self._leaving))).alias("left")
        ).to_series()
        broken = hits.select(pl.any_horizontal(pl.all()).alias("broken")).to_series()
        if broken.any():
            self._broken.append((rows.filter(broken), hits.filter(broken)))
            if sum(frame.height for frame, _ in self._broken) >= _BROKEN:
                self._tell()
        return rows.select(*INDICES, "value", *_PLACE).filter(~left)

    @property
    def quarantine(self) -> list[pl.DataFrame]:
        """The rows that left, under each rule that they broke, in the shape of the quarantine."""
        self._tell()
        return self._quarantine

    @property
    def remarked(self) -> list[pl.DataFrame]:
        """Rows that stay, with what is said of them, in the same shape."""
        self._tell()
        return self._remarked

    def _tell(self) -> None:
        """Tell what is wrong with the broken rows that wait.

        Many at once, as each rule has a price of its own.
        """
        if not self._broken:
            return
        rows, hits = (pl.concat(each) for each in zip(*self._broken, strict=True))
        self._broken.clear()
        left = hits.select(
            pl.any_horizontal(*map(str, range(self._leaving))).alias("left")
        ).to_series()
        for (rule, field, _), hit in zip(self._checks, hits, strict=True):
            leaves = rule.text.severity in _LEAVE
            if hit.any() and (leaves or (hit := hit & ~left).any()):
                (self._quarantine if leaves else self._remarked).append(
                    self._told(rows.filter(hit), rule, field)
                )

    def _told(self, rows: pl.DataFrame, rule: Rule, field: str) -> pl.DataFrame:
        keys = [
            self._codes.texts(c) for c in ("indicator", "org_unit", "period", "measure", "dims")
        ]
        return _reasoned(
            rows.with_columns(*keys, calendar=pl.lit(self._codes.calendar)), rule.text.code, field
        )


def _reasoned(rows: pl.DataFrame, code: str, field: str) -> pl.DataFrame:
    """Quarantined rows under one code, in the shape of ``quarantine.parquet``."""
    text = (
        pl.col(f"~{field}").fill_null("")
        if f"~{field}" in rows.columns
        else pl.col("value").cast(pl.String)
    )
    told = text.cast(pl.String).str.slice(0, _TOLD)
    reasons = rows.with_columns(code=pl.lit(code), field=pl.lit(field), text=told)
    return reasons.select(pl.col(name).cast(kind) for name, kind in QUARANTINE.items())


def sort_by_key(rows: pl.DataFrame, codes: Codes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of one period in the order of their keys, and those that repeat an earlier row's key (V006).

    The key packs into one integer with the row's place behind it, so that one sort of numbers gives
    both.
    """
    if not rows.select((pl.col("part").cast(pl.UInt64) * 2**40 + pl.col("row")).is_sorted()).item():
        rows = rows.sort("part", "row", maintain_order=True)
    places = max(rows.height, 1)
    key = packed(codes.sizes, codes.ranked, places)
    if key is None:
        ranks = rows.with_columns(codes.ranked(c).alias(f"#{c}") for c in INDEXED)
        ordered = ranks.sort([f"#{c}" for c in INDEXED], maintain_order=True)
        repeats = pl.struct(f"#{c}" for c in INDEXED) == pl.struct(f"#{c}" for c in INDEXED).shift(
            1
        )
        flags = ordered.select(repeats.fill_null(value=False)).to_series()
        ordered = ordered.drop([f"#{c}" for c in INDEXED])
        return ordered.filter(~flags), ordered.filter(flags)
    place = pl.int_range(pl.len(), dtype=pl.UInt64)
    keys = rows.select((key * places + place).alias("key")).to_series().sort()
    order, keys = keys % places, keys // places
    again = (keys == keys.shift(1)).fill_null(value=False)
    ordered = rows[order]
    if not again.any():
        return ordered, ordered.clear()
    return ordered.filter(~again), ordered.filter(again)


def figures(rows: pl.DataFrame, codes: Codes) -> pl.DataFrame:
    """Sorted rows as a frame of format 1, its texts as categories."""
    return rows.select(
        *(codes.coded(c) for c in ("indicator", "org_unit", "period")),
        pl.lit(codes.calendar, dtype=pl.Categorical).alias("calendar"),
        codes.coded("measure"),
        codes.coded("dims"),
        "value",
        codes.coded("status"),
        *_PLACE,
    )


def indexed(frame: pl.LazyFrame, codes: Codes, also: Sequence[str] = ()) -> pl.LazyFrame:
    """Figures of format 1 with their key as indices into these code lists; what has no index there is left out.

    ``also``: columns that are kept beside.
    """
    coded = [
        pl.col(k).cast(pl.Enum(codes.lists[k]), strict=False).to_physical().cast(pl.UInt32)
        for k in INDEXED
    ]
    return frame.select(*coded, "value", *also).drop_nulls(INDEXED)


def duplicates(rows: pl.DataFrame, codes: Codes) -> pl.DataFrame:
    """Rows that repeat a key, as they go to the quarantine."""
    return _reasoned(
        figures(rows, codes).with_columns(pl.col(*KEY).cast(pl.String)), "V006", "value"
    )


def held_together(
    rows: pl.DataFrame,
    codes: Codes,
    whole: Callable[[pl.DataFrame], SubmissionView],
    rules: dict[str, Rule],
) -> tuple[pl.DataFrame, pl.DataFrame, list[Finding]]:
    """The rules of scope submission and history, asked of the sorted rows of one period.

    Rules by which rows leave are asked first, the others of what stays. Gives the rows that stay,
    those that left in the shape of the quarantine, and what is said of rows that stay.
    """
    asking = [rule for rule in rules.values() if rule.find_violations]
    left = [pl.DataFrame(schema=QUARANTINE)]
    for rule, found in _asked(
        whole(rows), [rule for rule in asking if rule.text.severity in _LEAVE]
    ):
        told = figures(found.rows.select(rows.columns), codes).with_columns(
            pl.col(*KEY).cast(pl.String)
        )
        reasons = told.with_columns(code=pl.lit(rule.text.code), field=pl.lit("value"))
        text = found.rows.select(text=found.text)
        left.append(
            reasons.hstack(text).select(
                pl.col(name).cast(kind) for name, kind in QUARANTINE.items()
            )
        )
        rows = rows.join(found.rows.select(INDEXED), on=INDEXED, how="anti", maintain_order="left")
    said = []
    for rule, found in _asked(
        whole(rows), [rule for rule in asking if rule.text.severity not in _LEAVE]
    ):
        first = (
            found.rows.bottom_k(1, by=_PLACE).select(*_PLACE, text=found.text).row(0, named=True)
        )
        said.append(
            Finding(
                rule.text.code, rule.text.severity, found.rows.select(_PLACE).n_unique(), **first
            )
        )
    return rows, pl.concat(left), said


def _asked(whole: SubmissionView, rules: list[Rule]) -> Iterator[tuple[Rule, Violations]]:
    for rule in rules:
        found = rule.find_violations(whole) if rule.find_violations else None
        if found is not None and found.rows.height:
            yield rule, found


def findings(quarantine: pl.DataFrame, rules: dict[str, Rule] = RULES) -> list[Finding]:
    """One finding for each broken rule: how many rows, and the first of them as an example."""
    found = []
    ordered = quarantine.sort(*_PLACE, maintain_order=True)
    counted = ordered.group_by("code").agg(
        pl.struct(_PLACE).n_unique().alias("rows"), pl.all().first()
    )
    for row in counted.sort("code").iter_rows(named=True):
        severity = rules[row["code"]].text.severity
        found.append(
            Finding(
                row["code"],
                severity,
                row["rows"],
                row["text"] or "",
                row["part"],
                row["row"],
                row["column"],
                row["field"] or "",
            )
        )
    return found


def share_quarantined(quarantine: pl.DataFrame, admitted: int, percent: Decimal) -> list[Finding]:
    """V016, where more than so many percent of the rows are quarantined."""
    rows = quarantine.select("part", "row", "column").n_unique() if quarantine.height else 0
    total = rows + admitted
    if rows * 100 <= percent * total:
        return []
    return [Finding("V016", Severity.BLOCKING, rows, f"{rows} / {total} > {percent} %")]


def share_withdrawn(
    current: pl.DataFrame, after: pl.DataFrame, quarantine: pl.DataFrame, percent: Decimal
) -> list[Finding]:
    """V017, where more than so many percent of the current keys are neither reported nor quarantined."""
    keys = list(KEY)
    gone = current.select(keys).join(
        after.select(pl.col(keys).cast(pl.String)), on=keys, how="anti"
    )
    gone = gone.join(quarantine.select(keys).drop_nulls(), on=keys, how="anti")
    if gone.height * 100 <= percent * current.height:
        return []
    return [
        Finding(
            "V017",
            Severity.BLOCKING,
            gone.height,
            f"{gone.height} / {current.height} > {percent} %",
        )
    ]
