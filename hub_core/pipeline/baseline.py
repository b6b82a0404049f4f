"""What a child may compare with: the submissions that stand, and what was read to make them."""

from __future__ import annotations

from collections.abc import Collection

from hub_core.errors import HubError
from hub_core.home import Hub
from hub_core.model.exchange import PreviousReading
from hub_core.model.period import Period
from hub_core.pipeline.attempt import Task
from hub_core.store.revisions import Submission, current


def baseline_submissions(hub: Hub, task: Task) -> dict[str, str]:
    """Return the folders of a provision's current submissions that a child may read, by period.

    These are the periods asked for and the ones before them; all periods, where the provision seals
    whatever periods it finds. A damaged submission is left out: what is read now takes its place.
    """
    declared = hub.provinces[task.province].provisions[task.provision]
    requested = [Period.parse(label) for label in task.periods]
    labels = {str(period.shift(back)) for period in requested for back in (0, -1)}
    wanted = None if declared.periods == "all" else labels
    return {
        period: str((hub.zone.root / submission.path).resolve())
        for period, submission in _current_submissions(hub, task, wanted).items()
        if not submission.nil and not hub.is_damaged(submission)
    }


def previous_reading(hub: Hub, task: Task, baseline: Collection[str]) -> PreviousReading | None:
    """Return what the last run that went well read for these periods.

    A child that finds the very same parts, and would read them in the very same way, need not read
    them. ``baseline``: the periods whose submission the child may read. None where no run read
    these periods, or where not all that it found still stands.
    """
    last = hub.runs.last_read(task.province, task.provision)
    if last is None or last.periods != task.periods:
        return None
    standing = _current_submissions(hub, task, list(last.read.sealed))
    for period, digests in last.read.sealed.items():
        submission = standing.get(period)
        if submission is None:
            return None
        if (submission.content_digest, submission.quarantine_digest) != digests:
            return None
        if period not in baseline and (not submission.nil or hub.is_damaged(submission)):
            return None  # damaged, as the doctor says; what is read anew takes its place
    try:
        parts = hub.zone.landing(task.province, task.provision, last.gather).parts
    except HubError:
        return (
            None  # the landing is gone or damaged, as the doctor says; a new one stands beside it
        )
    return PreviousReading(
        gather=last.gather,
        reading=last.read.reading,
        parts=[part.digest for part in parts],
        periods=list(last.read.sealed),
    )


def previous_landing_folder(hub: Hub, task: Task) -> str | None:
    """Return the folder of the last gather that went well.

    Its service may say that what it sent then still stands.
    """
    gather = hub.runs.last_gather(task.province, task.provision)
    if gather is None:
        return None
    folder = hub.zone.provision(task.province, task.provision).resolve() / "gathers" / gather
    return str(folder) if folder.is_dir() else None


def _current_submissions(
    hub: Hub, task: Task, periods: Collection[str] | None
) -> dict[str, Submission]:
    by_period: dict[str, list[Submission]] = {}
    for submission in hub.store.submissions(
        periods, province=task.province, provision=task.provision
    ):
        by_period.setdefault(submission.period, []).append(submission)
    standing = {period: current(revisions) for period, revisions in by_period.items()}
    return {period: submission for period, submission in standing.items() if submission}
