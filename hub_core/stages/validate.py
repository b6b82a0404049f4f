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
_BROKEN = 10_000  # broken rows that wait before they are sorted into quarantine and remarks
_TEXT_LENGTH = 500  # characters of a text that the quarantine keeps; the rest is in the payload
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
        """Return the texts of a column of indices; null where there is none."""
        codes = pl.Series(self.lists[column], dtype=pl.String)
        listed = pl.when(pl.col(column) < IGNORED).then(pl.col(column))
        return pl.lit(codes).gather(listed).alias(column)

    def coded(self, column: str) -> pl.Expr:
        """Return a column of known indices as codes that take four bytes each."""
        return (
            pl.lit(pl.Series(self.lists[column], dtype=pl.Categorical))
            .gather(pl.col(column))
            .alias(column)
        )

    def ranked(self, column: str) -> pl.Expr:
        """Return a column of indices as ranks, by the order of their codes' UTF-8 bytes."""
        codes = self.lists[column]
        order = sorted(range(len(codes)), key=lambda n: codes[n].encode())
        if order == list(range(len(codes))):
            return pl.col(column)
        ranks = pl.Series(sorted(range(len(order)), key=order.__getitem__), dtype=pl.UInt32)
        return pl.lit(ranks).gather(pl.col(column))


class Validator:
    """Applies the row rules to the frames of one gather, and keeps its quarantine and remarks.

    ``requested_periods``: labels; rows of other periods are dropped and counted in ``not_asked``.
    None keeps all.
    """

    def __init__(
        self,
        context: RuleContext,
        codes: Codes,
        requested_periods: list[str] | None,
        rules: dict[str, Rule] = RULES,
    ) -> None:
        self._context, self._rules = context, rules
        self._codes = codes
        self._requested_periods = requested_periods
        self._made_for = -1  # how many periods there were when the checks were made
        self._checks: list[tuple[Rule, str, pl.Expr]] = []  # rule, field, where it is broken
        self._leaving = 0  # how many of the checks, the first ones, make rows leave
        self._broken: list[
            tuple[pl.DataFrame, pl.DataFrame]
        ] = []  # rows with the checks that they broke
        self._quarantine: list[pl.DataFrame] = []
        self._remarked: list[pl.DataFrame] = []
        self.not_asked = 0

    def _make_checks(self) -> None:
        """Make the expressions of the row rules, anew whenever there are more periods."""
        periods = len(self._codes.lists["period"])
        if periods == self._made_for:
            return
        self._sort_broken()
        self._made_for = periods
        checks = [
            (rule, row_check.field, row_check.broken.fill_null(value=False))
            for rule in self._rules.values()
            if rule.row_checks
            for row_check in rule.row_checks(self._context)
        ]
        self._checks = sorted(checks, key=lambda check: check[0].text.severity not in _LEAVE)
        self._leaving = sum(
            rule.text.severity in _LEAVE for rule, _, _ in checks
        )  # they come first

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that stay: indices, ``value``, ``part, row, column``.

        Rows that break a rule are kept for the quarantine, or with a remark.
        """
        self._make_checks()
        if self._requested_periods is not None:
            wanted = [
                n
                for n, label in enumerate(self._codes.lists["period"])
                if label in self._requested_periods
            ]
            if len(wanted) < len(self._codes.lists["period"]):
                kept = rows.filter(pl.col("period").is_in(wanted) | pl.col("period").is_null())
                self.not_asked += rows.height - kept.height
                rows = kept
        refused = rows["~refused"].is_not_null()
        if refused.any():  # a row that its reader refused is held to no other rule
            refusal = [check for check in self._checks if check[0].text.code == "V019"]
            for rule, field, _ in refusal:
                self._quarantine.append(self._with_reason(rows.filter(refused), rule, field))
            rows = rows.filter(~refused)
        hits = rows.select(check.alias(str(n)) for n, (_, _, check) in enumerate(self._checks))
        row_leaves = hits.select(
            pl.any_horizontal(*map(str, range(self._leaving))).alias("left")
        ).to_series()
        broken = hits.select(pl.any_horizontal(pl.all()).alias("broken")).to_series()
        if broken.any():
            self._broken.append((rows.filter(broken), hits.filter(broken)))
            if sum(frame.height for frame, _ in self._broken) >= _BROKEN:
                self._sort_broken()
        return rows.select(*INDICES, "value", *_PLACE).filter(~row_leaves)

    @property
    def quarantine(self) -> list[pl.DataFrame]:
        """The rows that left, once for each rule that they broke, in the quarantine's shape."""
        self._sort_broken()
        return self._quarantine

    @property
    def remarked(self) -> list[pl.DataFrame]:
        """The rows that stay with a remark, in the same shape."""
        self._sort_broken()
        return self._remarked

    def _sort_broken(self) -> None:
        """Sort the broken rows that wait into the quarantine and the remarks, by rule.

        It does many at once, as each rule has a price of its own.
        """
        if not self._broken:
            return
        rows, hits = (pl.concat(frames) for frames in zip(*self._broken, strict=True))
        self._broken.clear()
        row_leaves = hits.select(
            pl.any_horizontal(*map(str, range(self._leaving))).alias("left")
        ).to_series()
        for (rule, field, _), hit in zip(self._checks, hits, strict=True):
            rule_removes = rule.text.severity in _LEAVE
            if hit.any() and (rule_removes or (hit := hit & ~row_leaves).any()):
                (self._quarantine if rule_removes else self._remarked).append(
                    self._with_reason(rows.filter(hit), rule, field)
                )

    def _with_reason(self, rows: pl.DataFrame, rule: Rule, field: str) -> pl.DataFrame:
        keys = [
            self._codes.texts(c) for c in ("indicator", "org_unit", "period", "measure", "dims")
        ]
        return _reasoned(
            rows.with_columns(*keys, calendar=pl.lit(self._codes.calendar)), rule.text.code, field
        )


def _reasoned(rows: pl.DataFrame, code: str, field: str) -> pl.DataFrame:
    """Give quarantined rows of one rule the shape of ``quarantine.parquet``."""
    text = (
        pl.col(f"~{field}").fill_null("")
        if f"~{field}" in rows.columns
        else pl.col("value").cast(pl.String)
    )
    shortened = text.cast(pl.String).str.slice(0, _TEXT_LENGTH)
    reasons = rows.with_columns(code=pl.lit(code), field=pl.lit(field), text=shortened)
    return reasons.select(pl.col(name).cast(kind) for name, kind in QUARANTINE.items())


def sort_by_key(rows: pl.DataFrame, codes: Codes) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sort the rows of one period by their keys, and part off those that repeat a key (V006).

    A repeat is a row whose key an earlier row has. The key packs into one integer with the row's
    place behind it, so that one sort of numbers gives both.
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
    repeated = (keys == keys.shift(1)).fill_null(value=False)
    ordered = rows[order]
    if not repeated.any():
        return ordered, ordered.clear()
    return ordered.filter(~repeated), ordered.filter(repeated)


def figures(rows: pl.DataFrame, codes: Codes) -> pl.DataFrame:
    """Turn sorted rows into a frame of format 1, its texts as categories."""
    return rows.select(
        *(codes.coded(c) for c in ("indicator", "org_unit", "period")),
        pl.lit(codes.calendar, dtype=pl.Categorical).alias("calendar"),
        codes.coded("measure"),
        codes.coded("dims"),
        "value",
        codes.coded("status"),
        *_PLACE,
    )


def indexed(frame: pl.LazyFrame, codes: Codes, keep: Sequence[str] = ()) -> pl.LazyFrame:
    """Turn the keys of figures of format 1 into indices into these code lists.

    Figures without an index there are left out. ``keep``: more columns to keep beside the value.
    """
    coded = [
        pl.col(k).cast(pl.Enum(codes.lists[k]), strict=False).to_physical().cast(pl.UInt32)
        for k in INDEXED
    ]
    return frame.select(*coded, "value", *keep).drop_nulls(INDEXED)


def duplicates(rows: pl.DataFrame, codes: Codes) -> pl.DataFrame:
    """Give rows that repeat a key the shape of the quarantine."""
    return _reasoned(
        figures(rows, codes).with_columns(pl.col(*KEY).cast(pl.String)), "V006", "value"
    )


def apply_submission_rules(
    rows: pl.DataFrame,
    codes: Codes,
    view_of: Callable[[pl.DataFrame], SubmissionView],
    rules: dict[str, Rule],
) -> tuple[pl.DataFrame, pl.DataFrame, list[Finding]]:
    """Apply the rules of scope submission and history to the sorted rows of one period.

    Rules by which rows leave are applied first, the others to what stays. ``view_of``: gives rows
    the view that rules see. Returns the rows that stay, those that left in the shape of the
    quarantine, and the findings about rows that stay.
    """
    asked_rules = [rule for rule in rules.values() if rule.find_violations]
    quarantined = [pl.DataFrame(schema=QUARANTINE)]
    for rule, violations in _violations(
        view_of(rows), [rule for rule in asked_rules if rule.text.severity in _LEAVE]
    ):
        moved = figures(violations.rows.select(rows.columns), codes)
        quarantined.append(_quarantined(moved, rule, violations))
        rows = rows.join(
            violations.rows.select(INDEXED), on=INDEXED, how="anti", maintain_order="left"
        )
    remarks = []
    for rule, violations in _violations(
        view_of(rows), [rule for rule in asked_rules if rule.text.severity not in _LEAVE]
    ):
        example = (
            violations.rows.bottom_k(1, by=_PLACE)
            .select(*_PLACE, text=violations.text)
            .row(0, named=True)
        )
        remarks.append(
            Finding(
                rule.text.code,
                rule.text.severity,
                violations.rows.select(_PLACE).n_unique(),
                **example,
            )
        )
    return rows, pl.concat(quarantined), remarks


def _quarantined(moved: pl.DataFrame, rule: Rule, violations: Violations) -> pl.DataFrame:
    """Give figures that leave by one rule the shape of the quarantine, with the rule's words."""
    reasons = moved.with_columns(
        pl.col(*KEY).cast(pl.String), code=pl.lit(rule.text.code), field=pl.lit("value")
    )
    text = violations.rows.select(text=violations.text)
    return reasons.hstack(text).select(pl.col(name).cast(kind) for name, kind in QUARANTINE.items())


def _violations(submission: SubmissionView, rules: list[Rule]) -> Iterator[tuple[Rule, Violations]]:
    for rule in rules:
        violations = rule.find_violations(submission) if rule.find_violations else None
        if violations is not None and violations.rows.height:
            yield rule, violations


def findings(quarantine: pl.DataFrame, rules: dict[str, Rule] = RULES) -> list[Finding]:
    """List one finding for each broken rule: how many rows, and the first as an example."""
    broken_rules = []
    ordered = quarantine.sort(*_PLACE, maintain_order=True)
    counted = ordered.group_by("code").agg(
        pl.struct(_PLACE).n_unique().alias("rows"), pl.all().first()
    )
    for row in counted.sort("code").iter_rows(named=True):
        severity = rules[row["code"]].text.severity
        broken_rules.append(
            Finding(
                code=row["code"],
                severity=severity,
                rows=row["rows"],
                text=row["text"] or "",
                part=row["part"],
                row=row["row"],
                column=row["column"],
                field=row["field"] or "",
            )
        )
    return broken_rules


def share_quarantined(quarantine: pl.DataFrame, admitted: int, percent: Decimal) -> list[Finding]:
    """Find whether more than ``percent`` percent of the rows are quarantined (V016)."""
    quarantined = quarantine.select("part", "row", "column").n_unique() if quarantine.height else 0
    total = quarantined + admitted
    if quarantined * 100 <= percent * total:
        return []
    return [
        Finding("V016", Severity.BLOCKING, quarantined, f"{quarantined} / {total} > {percent} %")
    ]


def share_withdrawn(
    current: pl.DataFrame, after: pl.DataFrame, quarantine: pl.DataFrame, percent: Decimal
) -> list[Finding]:
    """Find whether more than ``percent`` percent of the current keys are withdrawn (V017).

    A key is withdrawn if it is neither reported nor quarantined.
    """
    keys = list(KEY)
    withdrawn = current.select(keys).join(
        after.select(pl.col(keys).cast(pl.String)), on=keys, how="anti"
    )
    withdrawn = withdrawn.join(quarantine.select(keys).drop_nulls(), on=keys, how="anti")
    if withdrawn.height * 100 <= percent * current.height:
        return []
    return [
        Finding(
            "V017",
            Severity.BLOCKING,
            withdrawn.height,
            f"{withdrawn.height} / {current.height} > {percent} %",
        )
    ]
