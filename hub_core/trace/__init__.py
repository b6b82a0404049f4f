"""Trace: from a figure of a release down to the cells that it came from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from hub_core.errors import StateError
from hub_core.home import Hub
from hub_core.model.catalogue import Indicator
from hub_core.model.exchange import Manifest, Part, Used
from hub_core.model.period import Period
from hub_core.model.scope import Scope
from hub_core.store.releases import Release
from hub_core.store.revisions import Submission
from hub_core.trace.locate import Place, locate


@dataclass(frozen=True, slots=True)
class FigureQuery:
    """Which figure of a release is asked about."""

    indicator: str
    org_unit: str
    measure: str | None = None
    dims: str | None = None
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a reported figure stands.

    Submission and revision, landed part, and the sender's own words.
    """

    province: str
    provision: str
    provider: str
    revision: int
    gather: str
    part: Part
    row: int
    column: str | None
    locator: str = ""
    text: str = ""


@dataclass(frozen=True)
class Step:
    """A figure on the path.

    As reported (with its cell), or made by a rule from the steps below it.
    """

    indicator: str
    org_unit: str
    period: str
    value: Decimal | None
    status: str
    method: str
    below: tuple[Step, ...] = ()
    cell: Cell | None = None

    def leaves(self) -> list[Cell]:
        """The cells that the figure came from, in order."""
        return [self.cell] if self.cell else [cell for step in self.below for cell in step.leaves()]


@dataclass
class _Observed:
    """Observations of a release's submissions by indicator and org unit."""

    period: str
    rows: dict[tuple[str, str], list[dict[str, Any]]]
    submissions: list[Submission]
    manifests: list[Manifest]
    catalogue_children: dict[str, list[str]] = field(default_factory=dict)

    def at(self, indicator: str, org_unit: str, period: str) -> dict[str, Any] | None:
        return next(
            (row for row in self.rows.get((indicator, org_unit), []) if row["period"] == period),
            None,
        )


def trace(hub: Hub, release: Release, asked: FigureQuery) -> Step:
    """The path of one figure of a release, down to the cells and their original text.

    Raises StateError that lists the choices where no figure, or more than one, is meant.
    """
    row = _chosen(hub, release, asked)
    scope = Scope.of(
        hub.catalogue_of(release.manifest.catalogue), release.dataflow, Period.parse(release.period)
    )
    observed = _observe(hub, release, scope, row)
    walker = _Walker(scope, observed)
    step = walker.explain(row["indicator"], row["org_unit"])
    if step is None:
        raise StateError(
            f"{row['indicator']} of {row['org_unit']} cannot be followed in the submissions of {release.name}"
        )
    return _located(hub, replace(step, value=row["value"], status=row["status"]))


def _chosen(hub: Hub, release: Release, asked: FigureQuery) -> dict[str, Any]:
    rows = hub.releases.figures(release.id)
    for name in ("indicator", "org_unit", "measure", "dims", "calendar"):
        wanted = getattr(asked, name)
        if wanted is None:
            continue
        there = sorted({str(row[name]) for row in rows})
        rows = [row for row in rows if row[name] == wanted]
        if not rows:
            raise StateError(
                f"{release.name} has no figure with {name} {wanted!r}; there are: {', '.join(there)}"
            )
    if len(rows) > 1:
        choices = "; ".join(
            f"--measure {r['measure']} --calendar {r['calendar']} --dims '{r['dims']}'"
            for r in rows
        )
        raise StateError(f"{len(rows)} figures match, choose one: {choices}")
    return rows[0]


def _submission(hub: Hub, used: Used) -> Submission:
    found = hub.store.submissions(
        province=used.province,
        provision=used.provision,
        calendar=used.calendar,
        period=used.period,
        revision=used.revision,
    )
    if not found:
        raise StateError(
            f"the store no longer knows revision {used.revision} of {used.province}/{used.provision}"
        )
    return found[0]


def _observe(hub: Hub, release: Release, scope: Scope, row: dict[str, Any]) -> _Observed:
    """The observations that a figure may have come from."""
    import polars as pl

    submissions = [_submission(hub, used) for used in release.manifest.submissions]
    indicator = scope.catalogue.indicators[row["indicator"]]
    wanted = hub.observations(scope.catalogue, submissions).filter(
        pl.col("indicator").is_in(scope.catalogue.made_from(indicator.code)),
        pl.col("value").is_not_null(),
    )
    alike = (pl.col("measure") == row["measure"]) & (pl.col("dims") == row["dims"])
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in wanted.filter(alike).collect(engine="streaming").iter_rows(named=True):
        rows.setdefault((each["indicator"], each["org_unit"]), []).append(each)
    observed = _Observed(
        str(scope.period), rows, submissions, [hub.verified_manifest(each) for each in submissions]
    )
    for child, parent in scope.catalogue.children(scope.period.days(scope.calendar)[1]):
        observed.catalogue_children.setdefault(parent, []).append(child)
    return observed


class _Walker:
    """Follows the rules of aggregation backwards."""

    def __init__(self, scope: Scope, observed: _Observed) -> None:
        self.scope, self.observed = scope, observed

    def explain(self, indicator: str, org_unit: str) -> Step | None:
        """The step that gives an indicator of an org unit, or None where there is no figure."""
        declared = self.scope.catalogue.indicators[indicator]
        if declared.dataflow != self.scope.dataflow:
            return self._latest(indicator, org_unit)
        reported = self._reported(indicator, org_unit) or self._carried(indicator, org_unit)
        if reported is not None:
            return reported
        if declared.agg_space in ("sum", "sum*"):
            below = [self.explain(indicator, child) for child in self._children(org_unit)]
            return self._made(
                indicator, org_unit, "sum", [step for step in below if step]
            ) or self._latest(indicator, org_unit)
        if declared.agg_space == "ratio" or declared.weight:
            return self._quotient(indicator, org_unit)
        terms = [self.explain(code, org_unit) for code in declared.terms]
        there = [step for step in terms if step]
        if not terms or len(there) < len(terms):
            return None
        return self._made(indicator, org_unit, "rank" if declared.ranks else "formula", there)

    def _children(self, org_unit: str) -> list[str]:
        return sorted(self.observed.catalogue_children.get(org_unit, []))

    def _reported(self, indicator: str, org_unit: str) -> Step | None:
        row = self.observed.at(indicator, org_unit, self.observed.period)
        if row is not None:
            return self._leaf(row)
        rule = self.scope.catalogue.indicators[indicator].agg_time
        for frequency in "SQM":
            labels = [str(part) for part in self.scope.parts(frequency)]
            rows = [self.observed.at(indicator, org_unit, label) for label in labels]
            there = [each for each in rows if each is not None]
            if rule == "last" and rows and rows[-1] is not None:
                return self._made(
                    indicator, org_unit, f"last of {frequency}", [self._leaf(rows[-1])]
                )
            if rule in ("sum", "avg") and rows and len(there) == len(rows):
                word = {"sum": "sum", "avg": "average"}[rule]
                return self._made(
                    indicator,
                    org_unit,
                    f"{word} of {frequency}",
                    [self._leaf(each) for each in there],
                )
        return None

    def _carried(self, indicator: str, org_unit: str) -> Step | None:
        """A stock of an earlier period of the same length, where the reporter is missing in this one."""
        rows = self.observed.rows.get((indicator, org_unit), [])
        mine = self.scope.period
        alike = [
            row
            for row in rows
            if (p := Period.parse(row["period"])).frequency == mine.frequency and p < mine
        ]
        if not alike or self.scope.catalogue.indicators[indicator].kind != "stock":
            return None
        return self._made(indicator, org_unit, "carried forward", [self._leaf(alike[-1])])

    def _latest(self, indicator: str, org_unit: str) -> Step | None:
        """A component's figure for the latest period that ended on or before the release's."""
        if not self.scope.lends(indicator):
            return None
        rows = self.observed.rows.get((indicator, org_unit), [])
        dated = [(Period.parse(row["period"]), n) for n, row in enumerate(rows)]
        return self._leaf(rows[max(dated)[1]]) if dated else None

    def _quotient(self, indicator: str, org_unit: str) -> Step | None:
        declared = self.scope.catalogue.indicators[indicator]
        top = declared.numerator or indicator
        bottom = declared.denominator or declared.weight
        method = "weighted average" if declared.weight else "ratio"
        pair = [self._component(top, org_unit), self._component(bottom, org_unit)]
        over, under = pair
        if over and under:
            made = self._made(indicator, org_unit, method, [over, under])
            value = over.value if declared.weight else self._ratio(declared, over, under)
            return replace(made, value=value) if made else None
        below = [self._quotient(indicator, child) for child in self._children(org_unit)]
        return self._made(indicator, org_unit, method, [step for step in below if step])

    def _ratio(self, declared: Indicator, over: Step, under: Step) -> Decimal | None:
        """The quotient of two steps, rounded as a release rounds it."""
        if over.value is None or not under.value:
            return None
        catalogue = self.scope.catalogue
        with localcontext(prec=60):
            exact = over.value * catalogue.units[declared.unit].per / under.value
            return exact.quantize(
                Decimal(1).scaleb(-catalogue.decimals(declared.code)), ROUND_HALF_UP
            )

    def _component(self, indicator: str, org_unit: str) -> Step | None:
        here = self._reported(indicator, org_unit)
        return here or self._latest(indicator, org_unit)

    def _leaf(self, row: dict[str, Any]) -> Step:
        submission, manifest = (
            self.observed.submissions[row["source"]],
            self.observed.manifests[row["source"]],
        )
        cell = Cell(
            submission.province,
            submission.provision,
            submission.provider,
            submission.revision,
            submission.gather,
            manifest.parts[row["part"]],
            row["row"],
            row["column"],
        )
        return Step(
            row["indicator"],
            row["org_unit"],
            row["period"],
            row["value"],
            row["status"],
            "reported",
            (),
            cell,
        )

    def _made(self, indicator: str, org_unit: str, method: str, below: list[Step]) -> Step | None:
        if not below:
            return None
        value = None
        if method.startswith("sum"):
            with localcontext(prec=60):
                value = sum((step.value for step in below if step.value is not None), Decimal(0))
        elif method.startswith(("last", "carried")):
            value = below[-1].value
        return Step(indicator, org_unit, self.observed.period, value, "", method, tuple(below))


def _located(hub: Hub, step: Step) -> Step:
    """The same path with each cell's locator and text."""
    by_provision: dict[tuple[str, str], list[Cell]] = {}
    for cell in step.leaves():
        by_provision.setdefault((cell.province, cell.provision), []).append(cell)
    cells: dict[Cell, Cell] = {}
    for (province, provision), mine in by_provision.items():
        found = locate(
            hub, province, provision, [Place(cell.part, cell.row, cell.column) for cell in mine]
        )
        for cell, each in zip(mine, found, strict=True):
            cells[cell] = replace(cell, locator=each.locator, text=each.text)

    def put(each: Step) -> Step:
        if each.cell:
            return replace(each, cell=cells[each.cell])
        return replace(each, below=tuple(put(inner) for inner in each.below))

    return put(step)


def walk(step: Step, depth: int = 0) -> Iterator[tuple[int, Step]]:
    """Every step of a path with its depth, the figure itself first."""
    yield depth, step
    for each in step.below:
        yield from walk(each, depth + 1)
