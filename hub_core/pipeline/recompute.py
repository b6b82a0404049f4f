"""Recompute.

A frozen release made again from the sealed submissions and the catalogue that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub_core.errors import StateError, StoreError
from hub_core.model.observation import content_digest
from hub_core.model.period import Period
from hub_core.model.scope import Scope
from hub_core.pipeline.inputs import Inputs, frames_of

if TYPE_CHECKING:
    from hub_core.home import Hub
    from hub_core.model.exchange import Used
    from hub_core.store.releases import Release
    from hub_core.store.revisions import Submission


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A release's figures digest as it was frozen, and as it is made again."""

    release: str
    frozen: str
    made: str

    @property
    def same(self) -> bool:
        """Whether they agree."""
        return self.frozen == self.made


def recompute(hub: Hub, release: Release) -> Recomputed:
    """Make a release's figures again, whatever is current today.

    Raises StoreError where something that it was made of is gone or changed.
    """
    from hub_core.stages.aggregate import aggregate
    from hub_core.stages.consolidate import double_voices, without

    told = release.manifest
    catalogue = hub.catalogue_of(told.catalogue)
    scope = Scope.of(catalogue, told.dataflow, Period.parse(told.period))
    inputs = _inputs(hub, scope, told.submissions)
    frames = frames_of(hub, scope, inputs)
    own = without(frames.own, double_voices(frames.own, frames.shared))
    figures = aggregate(scope, own, frames.components, frames.present, frames.carried)
    return Recomputed(release.name, release.figures_digest, content_digest(figures))


def _inputs(hub: Hub, scope: Scope, used: list[Used]) -> Inputs:
    """The submissions of a release, as its own and those that lend components, the latest first."""
    labels = {
        str(scope.period),
        *(str(part) for frequency in "SQM" for part in scope.parts(frequency)),
    }
    own = [
        _submission(hub, each)
        for each in used
        if each.dataflow == scope.dataflow and each.period in labels
    ]
    taken = {each.id for each in own}
    others = [each for each in (_submission(hub, one) for one in used) if each.id not in taken]
    carried = [
        each for each in others if each.dataflow == scope.dataflow and _alike(each, scope.period)
    ]
    others = [each for each in others if each not in carried]
    components: list[tuple[int, Submission]] = []
    for dataflow in sorted({each.dataflow for each in others}):
        mine = [each for each in others if each.dataflow == dataflow]
        periods = sorted({Period.parse(each.period) for each in mine}, reverse=True)
        ages = {str(period): age for age, period in enumerate(periods)}
        components += [(ages[each.period], each) for each in mine]
    return Inputs(own, components, carried)


def _alike(submission: Submission, period: Period) -> bool:
    return Period.parse(submission.period).frequency == period.frequency


def _submission(hub: Hub, used: Used) -> Submission:
    place = {"province": used.province, "provision": used.provision, "calendar": used.calendar}
    for each in hub.store.submissions([used.period], **place, revision=used.revision):
        if each.content_digest != used.content_digest:
            raise StateError(
                f"revision {used.revision} of {used.province}/{used.provision} is not the one released"
            )
        return each
    raise StoreError(
        f"revision {used.revision} of {used.province}/{used.provision} {used.period} is not in the store"
    )
