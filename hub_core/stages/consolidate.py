"""Consolidate: figures and expected reporters become a draft release with its manifest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from hub_core.model.exchange import ReleaseManifest, Reporter, Used
from hub_core.model.observation import KEY, content_digest
from hub_core.model.scope import Scope

_FIGURE_KEY = tuple(
    name for name in KEY if name != "calendar"
)  # one figure in two calendars is still reported twice
_SILENT_STATES = frozenset({"missing", "held", "carried forward"})  # their own figures are not in


@dataclass(frozen=True)
class Draft:
    """A release that is not frozen yet."""

    manifest: ReleaseManifest
    figures: pl.DataFrame


def consolidate(
    scope: Scope,
    figures: pl.DataFrame,
    reporters: list[Reporter],
    used: list[Used],
    previous: ReleaseManifest | None,
    previous_digest: str | None,
    now: datetime,
) -> Draft:
    """Make the draft of the next version of a release, with its manifest.

    ``figures``: rounded, in the order of their keys. ``used``: the submissions that they come from.
    ``previous``: the manifest of the version before, with its digest; None for the first version.
    """
    reporting = sum(reporter.state not in _SILENT_STATES for reporter in reporters)
    manifest = ReleaseManifest(
        dataflow=scope.dataflow,
        calendar=scope.calendar.value,
        period=str(scope.period),
        version=1 if previous is None else previous.version + 1,
        reason=_reason(scope, reporters, used, previous),
        reporters=sorted(reporters, key=lambda reporter: reporter.provider),
        submissions=sorted(used, key=lambda u: (u.dataflow, u.province, u.provision, u.period)),
        coverage={"reporters": f"{reporting}/{len(reporters)}"},
        catalogue=scope.catalogue.digest,
        figures=figures.height,
        figures_digest=content_digest(figures),
        previous=previous_digest,
        now=now,
    )
    return Draft(manifest, figures)


def differs(draft: Draft, previous: ReleaseManifest | None) -> bool:
    """Tell whether a draft differs from the release before it in a figure or a reporter's state.

    A draft without a release before it differs.
    """
    if previous is None:
        return True
    states, previous_states = (
        {r.provider: r.state for r in manifest.reporters} for manifest in (draft.manifest, previous)
    )
    return draft.manifest.figures_digest != previous.figures_digest or states != previous_states


def _reason(
    scope: Scope, reporters: list[Reporter], used: list[Used], previous: ReleaseManifest | None
) -> str:
    """Return why a release has a new version: initial, late, catalogue or correction."""
    if previous is None:
        return "initial"
    silent_before = {r.provider for r in previous.reporters if r.state in _SILENT_STATES}
    if any(r.provider in silent_before and r.state not in _SILENT_STATES for r in reporters):
        return "late"
    same_figures = {u.content_digest for u in used} == {
        u.content_digest for u in previous.submissions
    }
    return (
        "catalogue"
        if same_figures and previous.catalogue != scope.catalogue.digest
        else "correction"
    )


def double_voices(observations: pl.LazyFrame, periods: Collection[str]) -> pl.DataFrame:
    """Find the keys for which two submissions report a figure (V018).

    ``observations``: frames of format 1 with ``source``, the place of a row's submission in the
    list of them. ``periods``: those for which there are several submissions. Returns the keys
    without ``calendar`` (text), with ``source``, a list of the places of the submissions. Only the
    org units that two submissions name are compared key by key.
    """
    if not periods:
        return pl.DataFrame(
            schema={**dict.fromkeys(_FIGURE_KEY, pl.String()), "source": pl.List(pl.UInt32)}
        )
    observations = observations.filter(pl.col("period").is_in(list(periods)))
    named = observations.group_by("org_unit", "period").agg(
        first=pl.col("source").min(), last=pl.col("source").max()
    )
    shared = (
        named.filter(pl.col("first") != pl.col("last"))
        .select("org_unit", "period")
        .collect(engine="streaming")
    )
    return (
        observations.join(shared.lazy(), on=["org_unit", "period"], how="semi")
        .group_by(*_FIGURE_KEY)
        .agg(pl.col("source").unique().sort(), n=pl.col("source").n_unique())
        .filter(pl.col("n") > 1)
        .drop("n")
        .sort(*_FIGURE_KEY)
        .collect(engine="streaming")
    )


def without(observations: pl.LazyFrame, doubled: pl.DataFrame) -> pl.LazyFrame:
    """Return observations without the keys that two submissions report; neither is used.

    ``doubled``: these keys, as :func:`double_voices` finds them.
    """
    if doubled.is_empty():
        return observations
    return observations.join(doubled.lazy().select(_FIGURE_KEY), on=list(_FIGURE_KEY), how="anti")
