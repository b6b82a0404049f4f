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


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where a reported figure is: its submission and revision, its landed part, its place and text.

    ``locator`` and ``text`` are the sender's own words.
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


@dataclass(frozen=True, kw_only=True)
class Step:
    """A figure on the path.

    It is as reported (with its cell), or made by a rule from the steps below it.
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
        """Return the cells that the figure came from, in order."""
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


def trace(hub: Hub, release: Release, query: FigureQuery) -> Step:
    """Return the path of one figure of a release, down to the cells and their original text.

    Raises StateError that lists the choices where no figure, or more than one, is meant.
    """
    row = _chosen_row(hub, release, query)
    scope = Scope.of(
        hub.catalogue_of(release.manifest.catalogue), release.dataflow, Period.parse(release.period)
    )
    observed = _observed_rows(hub, release, scope, row)
    walker = _Walker(scope, observed)
    step = walker.explain(row["indicator"], row["org_unit"])
    if step is None:
        raise StateError(
            f"{row['indicator']} of {row['org_unit']} cannot be followed in the submissions of {release.name}"
        )
    return _with_texts(hub, replace(step, value=row["value"], status=row["status"]))


def _chosen_row(hub: Hub, release: Release, query: FigureQuery) -> dict[str, Any]:
    rows = list(hub.releases.figures(release.id))
    for name in ("indicator", "org_unit", "measure", "dims", "calendar"):
        value = getattr(query, name)
        if value is None:
            continue
        values = sorted({str(row[name]) for row in rows})
        rows = [row for row in rows if row[name] == value]
        if not rows:
            raise StateError(
                f"{release.name} has no figure with {name} {value!r}; there are: {', '.join(values)}"
            )
    if len(rows) > 1:
        choices = "; ".join(
            f"--measure {r['measure']} --calendar {r['calendar']} --dims '{r['dims']}'"
            for r in rows
        )
        raise StateError(f"{len(rows)} figures match, choose one: {choices}")
    return rows[0]


def _submission(hub: Hub, used: Used) -> Submission:
    submissions = hub.store.submissions(
        province=used.province,
        provision=used.provision,
        calendar=used.calendar,
        period=used.period,
        revision=used.revision,
    )
    if not submissions:
        raise StateError(
            f"the store no longer knows revision {used.revision} of {used.province}/{used.provision}"
        )
    return submissions[0]


def _observed_rows(hub: Hub, release: Release, scope: Scope, row: dict[str, Any]) -> _Observed:
    """Return the observations that a figure may have come from."""
    import polars as pl

    submissions = [_submission(hub, used) for used in release.manifest.submissions]
    indicator = scope.catalogue.indicators[row["indicator"]]
    figures = hub.observations(scope.catalogue, submissions).filter(
        pl.col("indicator").is_in(scope.catalogue.made_from(indicator.code)),
        pl.col("value").is_not_null(),
    )
    is_alike = (pl.col("measure") == row["measure"]) & (pl.col("dims") == row["dims"])
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for figure in figures.filter(is_alike).collect(engine="streaming").iter_rows(named=True):
        rows.setdefault((figure["indicator"], figure["org_unit"]), []).append(figure)
    observed = _Observed(
        str(scope.period),
        rows,
        submissions,
        [hub.verified_manifest(submission) for submission in submissions],
    )
    for child, parent in scope.catalogue.children(scope.period.days(scope.calendar)[1]):
        observed.catalogue_children.setdefault(parent, []).append(child)
    return observed


class _Walker:
    """Follows the rules of aggregation backwards."""

    def __init__(self, scope: Scope, observed: _Observed) -> None:
        self.scope, self.observed = scope, observed

    def explain(self, indicator: str, org_unit: str) -> Step | None:
        """Return the step that gives an indicator of an org unit.

        None where there is no figure.
        """
        declared = self.scope.catalogue.indicators[indicator]
        if declared.dataflow != self.scope.dataflow:
            return self._latest(indicator, org_unit)
        reported = self._reported(indicator, org_unit) or self._carried_forward(indicator, org_unit)
        if reported is not None:
            return reported
        if declared.agg_space in ("sum", "sum*"):
            below = [self.explain(indicator, child) for child in self._children(org_unit)]
            return self._made_step(
                indicator, org_unit, "sum", [step for step in below if step]
            ) or self._latest(indicator, org_unit)
        if declared.agg_space == "ratio" or declared.weight:
            return self._quotient(indicator, org_unit)
        terms = [self.explain(code, org_unit) for code in declared.terms]
        made_terms = [step for step in terms if step]
        if not terms or len(made_terms) < len(terms):
            return None
        return self._made_step(
            indicator, org_unit, "rank" if declared.ranks else "formula", made_terms
        )

    def _children(self, org_unit: str) -> list[str]:
        return sorted(self.observed.catalogue_children.get(org_unit, []))

    def _reported(self, indicator: str, org_unit: str) -> Step | None:
        row = self.observed.at(indicator, org_unit, self.observed.period)
        if row is not None:
            return self._reported_step(row)
        rule = self.scope.catalogue.indicators[indicator].agg_time
        for frequency in "SQM":
            labels = [str(part) for part in self.scope.parts(frequency)]
            rows = [self.observed.at(indicator, org_unit, label) for label in labels]
            reported = [row for row in rows if row is not None]
            if rule == "last" and rows and rows[-1] is not None:
                return self._made_step(
                    indicator, org_unit, f"last of {frequency}", [self._reported_step(rows[-1])]
                )
            if rule in ("sum", "avg") and rows and len(reported) == len(rows):
                word = {"sum": "sum", "avg": "average"}[rule]
                return self._made_step(
                    indicator,
                    org_unit,
                    f"{word} of {frequency}",
                    [self._reported_step(row) for row in reported],
                )
        return None

    def _carried_forward(self, indicator: str, org_unit: str) -> Step | None:
        """Return a stock of an earlier period of the same length.

        It stands for this period's, where the reporter is missing.
        """
        rows = self.observed.rows.get((indicator, org_unit), [])
        period = self.scope.period
        earlier = [
            row
            for row in rows
            if (p := Period.parse(row["period"])).frequency == period.frequency and p < period
        ]
        if not earlier or self.scope.catalogue.indicators[indicator].kind != "stock":
            return None
        return self._made_step(
            indicator, org_unit, "carried forward", [self._reported_step(earlier[-1])]
        )

    def _latest(self, indicator: str, org_unit: str) -> Step | None:
        """Return a component's figure for the latest period that is over.

        That is one that ended on or before the end of the release's.
        """
        if not self.scope.may_come_from_another_period(indicator):
            return None
        rows = self.observed.rows.get((indicator, org_unit), [])
        dated = [(Period.parse(row["period"]), n) for n, row in enumerate(rows)]
        return self._reported_step(rows[max(dated)[1]]) if dated else None

    def _quotient(self, indicator: str, org_unit: str) -> Step | None:
        declared = self.scope.catalogue.indicators[indicator]
        numerator_code = declared.numerator or indicator
        denominator_code = declared.denominator or declared.weight
        method = "weighted average" if declared.weight else "ratio"
        pair = [
            self._component(numerator_code, org_unit),
            self._component(denominator_code, org_unit),
        ]
        numerator, denominator = pair
        if numerator and denominator:
            quotient = self._made_step(indicator, org_unit, method, [numerator, denominator])
            value = (
                numerator.value
                if declared.weight
                else self._ratio(declared, numerator, denominator)
            )
            return replace(quotient, value=value) if quotient else None
        below = [self._quotient(indicator, child) for child in self._children(org_unit)]
        return self._made_step(indicator, org_unit, method, [step for step in below if step])

    def _ratio(self, declared: Indicator, numerator: Step, denominator: Step) -> Decimal | None:
        """Return the quotient of two steps, rounded as a release rounds it."""
        if numerator.value is None or not denominator.value:
            return None
        catalogue = self.scope.catalogue
        with localcontext(prec=60):
            exact = numerator.value * catalogue.units[declared.unit].per / denominator.value
            return exact.quantize(
                Decimal(1).scaleb(-catalogue.decimals(declared.code)), ROUND_HALF_UP
            )

    def _component(self, indicator: str, org_unit: str) -> Step | None:
        reported = self._reported(indicator, org_unit)
        return reported or self._latest(indicator, org_unit)

    def _reported_step(self, row: dict[str, Any]) -> Step:
        submission = self.observed.submissions[row["source"]]
        manifest = self.observed.manifests[row["source"]]
        return Step(
            indicator=row["indicator"],
            org_unit=row["org_unit"],
            period=row["period"],
            value=row["value"],
            status=row["status"],
            method="reported",
            cell=Cell(
                province=submission.province,
                provision=submission.provision,
                provider=submission.provider,
                revision=submission.revision,
                gather=submission.gather,
                part=manifest.parts[row["part"]],
                row=row["row"],
                column=row["column"],
            ),
        )

    def _made_step(
        self, indicator: str, org_unit: str, method: str, below: list[Step]
    ) -> Step | None:
        if not below:
            return None
        value = None
        if method.startswith("sum"):
            with localcontext(prec=60):
                value = sum((step.value for step in below if step.value is not None), Decimal(0))
        elif method.startswith(("last", "carried")):
            value = below[-1].value
        return Step(
            indicator=indicator,
            org_unit=org_unit,
            period=self.observed.period,
            value=value,
            status="",
            method=method,
            below=tuple(below),
        )


def _with_texts(hub: Hub, step: Step) -> Step:
    """Return the same path with each cell's locator and text."""
    by_provision: dict[tuple[str, str], list[Cell]] = {}
    for cell in step.leaves():
        by_provision.setdefault((cell.province, cell.provision), []).append(cell)
    cells: dict[Cell, Cell] = {}
    for (province, provision), own_cells in by_provision.items():
        places = locate(
            hub,
            province,
            provision,
            [Place(cell.part, cell.row, cell.column) for cell in own_cells],
        )
        for cell, place in zip(own_cells, places, strict=True):
            cells[cell] = replace(cell, locator=place.locator, text=place.text)

    def put(inner_step: Step) -> Step:
        if inner_step.cell:
            return replace(inner_step, cell=cells[inner_step.cell])
        return replace(inner_step, below=tuple(put(inner) for inner in inner_step.below))

    return put(step)


def walk(step: Step, depth: int = 0) -> Iterator[tuple[int, Step]]:
    """Yield every step of a path with its depth, the figure itself first."""
    yield depth, step
    for below in step.below:
        yield from walk(below, depth + 1)
