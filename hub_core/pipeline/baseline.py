"""What the hub lends a child to gather with.

Submissions that stand, and what was read to make them.
"""

from __future__ import annotations

from collections.abc import Collection

from hub_core.errors import HubError
from hub_core.home import Hub
from hub_core.model.exchange import PreviousReading
from hub_core.model.period import Period
from hub_core.pipeline.take_over import Task
from hub_core.store.revisions import Submission, current


def baseline_submissions(hub: Hub, task: Task) -> dict[str, str]:
    """The current submissions of a provision that a child may read, as folders by period.

    Those of the periods asked for and of the ones before them; all, where it seals whatever periods
    it finds. One that is damaged is not lent: what is read now takes its place.
    """
    asked = [Period.parse(label) for label in task.periods]
    near = (
        None if _takes_all(hub, task) else {str(p.shift(back)) for p in asked for back in (0, -1)}
    )
    by_period: dict[str, list[Submission]] = {}
    for each in hub.store.submissions(near, province=task.province, provision=task.provision):
        by_period.setdefault(each.period, []).append(each)
    standing = {period: current(each) for period, each in by_period.items()}
    return {
        period: str((hub.zone.root / s.path).resolve())
        for period, s in standing.items()
        if s and not s.nil and not hub.is_damaged(s)
    }


def previous_reading(hub: Hub, task: Task, baseline: Collection[str]) -> PreviousReading | None:
    """What the last run that went well read for these periods; None where not all that it found in it stands.

    ``baseline``: the periods whose current submission is lent. Where a child finds the very parts
    again, and reads them as they were read, it need not read them.
    """
    last = hub.runs.last_read(task.province, task.provision)
    if last is None or last.periods != task.periods:
        return None
    known: dict[str, list[Submission]] = {}
    for each in hub.store.submissions(
        list(last.read.sealed), province=task.province, provision=task.provision
    ):
        known.setdefault(each.period, []).append(each)
    for period, digests in last.read.sealed.items():
        stands = current(known.get(period, []))
        if stands is None or (stands.content_digest, stands.quarantine_digest) != digests:
            return None
        if period not in baseline and (not stands.nil or hub.is_damaged(stands)):
            return None  # damaged, as the doctor says; what is read anew takes its place
    try:
        parts = hub.zone.landing(task.province, task.provision, last.gather).parts
    except HubError:
        # the landing is gone or damaged, as the doctor says; what is landed anew stands beside it
        return None
    digests_of = [part.digest for part in parts]
    return PreviousReading(
        gather=last.gather,
        reading=last.read.reading,
        parts=digests_of,
        periods=list(last.read.sealed),
    )


def previous_landing_folder(hub: Hub, task: Task) -> str | None:
    """The folder of the last gather that went well.

    Its service may say that what it brought still stands.
    """
    gather = hub.runs.last_gather(task.province, task.provision)
    if gather is None:
        return None
    folder = hub.zone.provision(task.province, task.provision).resolve() / "gathers" / gather
    return str(folder) if folder.is_dir() else None


def _takes_all(hub: Hub, task: Task) -> bool:
    return hub.provinces[task.province].provisions[task.provision].periods == "all"
