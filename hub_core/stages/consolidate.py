"""Consolidate: figures and expected reporters become a draft release with its manifest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from hub_core.model.exchange import ReleaseManifest, Reporter, Used
from hub_core.model.observation import KEY, content_digest
from hub_core.model.scope import Scope

_SAID = tuple(
    name for name in KEY if name != "calendar"
)  # one figure in two calendars is still said twice


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
    """The next version of a release; ``figures`` are rounded and in the order of their keys."""
    silent = {"missing", "held", "carried forward"}
    there = sum(each.state not in silent for each in reporters)
    manifest = ReleaseManifest(
        dataflow=scope.dataflow,
        calendar=scope.calendar.value,
        period=str(scope.period),
        version=1 if previous is None else previous.version + 1,
        reason=_reason(scope, reporters, used, previous),
        reporters=sorted(reporters, key=lambda each: each.provider),
        submissions=sorted(used, key=lambda u: (u.dataflow, u.province, u.provision, u.period)),
        coverage={"reporters": f"{there}/{len(reporters)}"},
        catalogue=scope.catalogue.digest,
        figures=figures.height,
        figures_digest=content_digest(figures),
        previous=previous_digest,
        now=now,
    )
    return Draft(manifest, figures)


def differs(draft: Draft, previous: ReleaseManifest | None) -> bool:
    """Whether a draft says anything that the release before it did not.

    A figure, or a reporter's state.
    """
    if previous is None:
        return True
    states = [{r.provider: r.state for r in each.reporters} for each in (draft.manifest, previous)]
    return draft.manifest.figures_digest != previous.figures_digest or states[0] != states[1]


def _reason(
    scope: Scope, reporters: list[Reporter], used: list[Used], previous: ReleaseManifest | None
) -> str:
    if previous is None:
        return "initial"
    silent = ("missing", "held", "carried forward")
    before = {r.provider for r in previous.reporters if r.state in silent}
    if any(each.provider in before and each.state not in silent for each in reporters):
        return "late"
    same = {u.content_digest for u in used} == {u.content_digest for u in previous.submissions}
    return "catalogue" if same and previous.catalogue != scope.catalogue.digest else "correction"


def double_voices(observations: pl.LazyFrame, periods: Collection[str]) -> pl.DataFrame:
    """Keys that two submissions speak for (V018), with the places of the submissions in the frame's list.

    ``periods``: those that several submissions are of; of them only the org units that two
    submissions name are looked at key by key.
    """
    if not periods:
        return pl.DataFrame(
            schema={**dict.fromkeys(_SAID, pl.String()), "source": pl.List(pl.UInt32)}
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
        .group_by(*_SAID)
        .agg(pl.col("source").unique().sort(), n=pl.col("source").n_unique())
        .filter(pl.col("n") > 1)
        .drop("n")
        .sort(*_SAID)
        .collect(engine="streaming")
    )


def without(observations: pl.LazyFrame, doubled: pl.DataFrame) -> pl.LazyFrame:
    """Observations without the keys that two submissions speak for; neither is used."""
    if doubled.is_empty():
        return observations
    return observations.join(doubled.lazy().select(_SAID), on=list(_SAID), how="anti")
