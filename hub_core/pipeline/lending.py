"""What the hub lends a child to gather with: submissions that stand, and what was read to make them."""

from __future__ import annotations

from hub_core.errors import HubError
from hub_core.home import Hub
from hub_core.landing import read_manifest
from hub_core.model.exchange import Seen
from hub_core.model.period import Period
from hub_core.pipeline.take_over import Task
from hub_core.store.revisions import Submission, current


def lent(hub: Hub, task: Task) -> dict[str, str]:
    """The current submissions of a provision that a child may read, as folders by period.

    Those of the periods asked for and of the ones before them; all, where it seals whatever periods it finds. One that
    is damaged is not lent: what is read now takes its place.
    """
    asked = [Period.parse(label) for label in task.periods]
    near = None if _takes_all(hub, task) else {str(p.shift(back)) for p in asked for back in (0, -1)}
    by_period: dict[str, list[Submission]] = {}
    for each in hub.store.submissions(near, province=task.province, provision=task.provision):
        by_period.setdefault(each.period, []).append(each)
    standing = {period: current(each) for period, each in by_period.items()}
    return {
        period: str((hub.zone.root / s.path).resolve())
        for period, s in standing.items()
        if s and not s.nil and not hub.damaged(s)
    }


def seen(hub: Hub, task: Task) -> Seen | None:
    """What stands of the last gather that sealed anything for these periods; None where not all of it stands.

    Where a child finds the very parts again, and reads them as they were read, it need not read them.
    """
    periods = None if _takes_all(hub, task) else task.periods
    known = hub.store.submissions(periods, province=task.province, provision=task.provision)
    if not known:
        return None
    last = max(known, key=lambda each: each.currency)
    made = [each for each in known if (each.gather, each.replay) == (last.gather, last.replay)]
    run = hub.store.run_of(last.gather)
    if run is None or run["periods"] != task.periods or any(each.held for each in made):
        return None
    try:
        manifest = read_manifest(hub.zone.root / last.path)
    except HubError:
        return None  # damaged, as the doctor says; what is read anew stands beside it
    if manifest.reading is None:
        return None
    parts = [part.digest for part in manifest.parts]
    return Seen(gather=last.gather, reading=manifest.reading, parts=parts, periods=[each.period for each in made])


def known(hub: Hub, task: Task) -> str | None:
    """The folder of the last gather that went well: its service may say that what it brought still stands."""
    gather = hub.store.last_gather(task.province, task.provision)
    if gather is None:
        return None
    folder = hub.zone.provision(task.province, task.provision).resolve() / "gathers" / gather
    return str(folder) if folder.is_dir() else None


def _takes_all(hub: Hub, task: Task) -> bool:
    return hub.provinces[task.province].provisions[task.provision].periods == "all"
