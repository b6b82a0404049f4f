"""Recompute: make a frozen release again from the submissions and the catalogue that it names."""

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
    """The digest of a release's figures as they were frozen, and as they are made again."""

    release: str
    frozen: str
    made: str

    @property
    def same(self) -> bool:
        """Whether the two digests agree."""
        return self.frozen == self.made


def recompute(hub: Hub, release: Release) -> Recomputed:
    """Make a release's figures again from what it was made of, whatever is current today.

    Raises StoreError where something that it was made of is gone or changed, and StateError where
    a revision is not the one that was released.
    """
    from hub_core.stages.aggregate import aggregate
    from hub_core.stages.consolidate import double_voices, without

    manifest = release.manifest
    catalogue = hub.catalogue_of(manifest.catalogue)
    scope = Scope.of(catalogue, manifest.dataflow, Period.parse(manifest.period))
    inputs = _inputs(hub, scope, manifest.submissions)
    frames = frames_of(hub, scope, inputs)
    own = without(frames.own, double_voices(frames.own, frames.shared))
    figures = aggregate(scope, own, frames.components, frames.present, frames.carried)
    return Recomputed(release.name, release.figures_digest, content_digest(figures))


def _inputs(hub: Hub, scope: Scope, used: list[Used]) -> Inputs:
    """Find the submissions of a release: its own, those for components, and those carried forward.

    The age of a submission for components counts the periods of its dataflow, the latest first.
    """
    labels = {
        str(scope.period),
        *(str(part) for frequency in "SQM" for part in scope.parts(frequency)),
    }
    own = [
        _submission(hub, reference)
        for reference in used
        if reference.dataflow == scope.dataflow and reference.period in labels
    ]
    own_ids = {submission.id for submission in own}
    submissions = [_submission(hub, reference) for reference in used]
    others = [submission for submission in submissions if submission.id not in own_ids]
    carried = [
        submission
        for submission in others
        if submission.dataflow == scope.dataflow and _is_as_long(submission, scope.period)
    ]
    others = [submission for submission in others if submission not in carried]
    components: list[tuple[int, Submission]] = []
    for dataflow in sorted({submission.dataflow for submission in others}):
        of_dataflow = [submission for submission in others if submission.dataflow == dataflow]
        periods = sorted({Period.parse(s.period) for s in of_dataflow}, reverse=True)
        ages = {str(period): age for age, period in enumerate(periods)}
        components += [(ages[submission.period], submission) for submission in of_dataflow]
    return Inputs(own, components, carried)


def _is_as_long(submission: Submission, period: Period) -> bool:
    return Period.parse(submission.period).frequency == period.frequency


def _submission(hub: Hub, used: Used) -> Submission:
    """Find a submission that a release names.

    Raises StateError where its figures are others, and StoreError where it is gone.
    """
    place = {"province": used.province, "provision": used.provision, "calendar": used.calendar}
    name = f"revision {used.revision} of {used.province}/{used.provision}"
    for submission in hub.store.submissions([used.period], **place, revision=used.revision):
        if submission.content_digest != used.content_digest:
            raise StateError(f"{name} is not the one released")
        return submission
    raise StoreError(f"{name} {used.period} is not in the store")
