"""``hub gather``, ``admit``, ``publish``, ``night``, ``replay``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import (
    BLOCKED,
    DONE,
    UNAVAILABLE,
    AsJson,
    Home,
    Now,
    as_json,
    moment,
    opened,
    progress,
    say,
    table,
)

if TYPE_CHECKING:
    from hub_core.pipeline.attempt import GatherReport
    from hub_core.pipeline.deliver import DeliveryReport
    from hub_core.pipeline.publish import PublishReport

Periods = Annotated[
    list[str] | None,
    typer.Option(
        "--period", help="A period to ask for (2026-M10, 2026-Q3, 2026); may be repeated."
    ),
]
Provinces = Annotated[
    list[str] | None, typer.Option("--province", help="Only this province; may be repeated.")
]


def checked(periods: list[str] | None) -> list[str] | None:
    """Labels of periods as they were given; one that is none is a wrong parameter."""
    from hub_core.model.period import Period

    try:
        return [str(Period.parse(label)) for label in periods] if periods else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def gather(
    home: Home = Path(),
    period: Periods = None,
    province: Provinces = None,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Let no service say that what it sent before still stands."),
    ] = False,
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Pull what the provinces owe, read it, and admit what is new."""
    at = moment(now)
    with opened(home, children=1) as hub, hub.alone(at), progress(quiet=json) as report:
        from hub_core.pipeline.gather import gather as gather_all
        from hub_core.pipeline.gather import tasks

        reports = gather_all(
            hub, tasks(hub, at, checked(period), province), at, report, whole=whole
        )
        broken = dict(hub.broken)
    if json:
        as_json({"gathers": reports, "broken": broken})
    else:
        show_gathers(reports, broken)
    sys.exit(code_of(reports, broken))


def admit(
    folder: Annotated[
        Path | None, typer.Argument(help="A sealed submission that came from elsewhere.")
    ] = None,
    accept: Annotated[
        int | None, typer.Option(help="The number of a held submission to accept.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why a held submission is accepted.")] = "",
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Admit a sealed submission, or accept a held one with a reason."""
    from hub_core.pipeline.take_over import admit_folder

    if (folder is None) == (accept is None):
        raise typer.BadParameter("give either a sealed submission's folder or --accept NUMBER")
    if accept is not None and not reason.strip():
        raise typer.BadParameter("--accept needs a --reason")
    at = moment(now)
    with opened(home) as hub, hub.alone(at):
        if accept is not None:
            hub.store.accept(accept, reason, at)
            told: dict[str, object] = {"accepted": accept, "reason": reason}
        else:
            assert folder is not None
            admitted = admit_folder(hub, folder, at)
            told = {
                "revision": admitted.revision,
                "held": admitted.held,
                "period": admitted.manifest.period,
            }
    if json:
        as_json(told)
    else:
        say(", ".join(f"{name}: {value}" for name, value in told.items()))


def publish(
    dataflow: Annotated[str, typer.Argument(help="A dataflow, like TELECOM.")],
    period: Annotated[str, typer.Argument(help="A period, like 2026-M10.")],
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Draft, freeze and deliver the release of a dataflow and period from what is there now."""
    from hub_core.model.period import Period
    from hub_core.obligations import check_frequency
    from hub_core.pipeline.deliver import deliver_all
    from hub_core.pipeline.publish import publish as publish_one

    label = (checked([period]) or [""])[0]
    at = moment(now)
    with opened(home) as hub, hub.alone(at):
        told = publish_one(
            hub,
            dataflow,
            check_frequency(hub.config, dataflow, Period.parse(label)),
            at,
            at_once=True,
        )
        deliveries = deliver_all(hub, at)
    if json:
        as_json({"release": told, "deliveries": deliveries})
    else:
        show_releases([told])
        show_deliveries(deliveries)
    sys.exit(BLOCKED if told.error else UNAVAILABLE if any(d.error for d in deliveries) else DONE)


def night(
    home: Home = Path(),
    period: Periods = None,
    province: Provinces = None,
    date: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The business date whose night this is; it is run once. For hub serve.",
        ),
    ] = None,
    again: Annotated[
        list[str] | None,
        typer.Option(help="Only this provision (nghe_an/telecom), once more; may be repeated."),
    ] = None,
    json: AsJson = False,
    now: Now = None,
) -> None:
    """One night: gather what is owed, publish what is due, deliver what is in the outbox."""
    at = moment(now)
    if (date or again) and (period or province or (date and again)):
        raise typer.BadParameter("--date and --again stand alone")
    with opened(home, children=1) as hub, hub.alone(at), progress(quiet=json) as report:
        from hub_core.pipeline.night import again as ask_again
        from hub_core.pipeline.night import night as one_night
        from hub_core.pipeline.night import scheduled

        if date:
            told = scheduled(hub, date.date(), at, report)
        elif again:
            told = ask_again(hub, again, at, report)
        else:
            told = one_night(hub, at, report, checked(period), province)
    if json:
        as_json(told)
    else:
        show_gathers(told.gathers, told.broken)
        show_releases(told.releases)
        show_deliveries(told.deliveries)
    code = code_of(told.gathers, told.broken, told.releases)
    sys.exit(UNAVAILABLE if code != BLOCKED and any(d.error for d in told.deliveries) else code)


def replay(
    province: Annotated[str, typer.Argument(help="A province.")],
    provision: Annotated[str, typer.Argument(help="One of its provisions.")],
    gather: Annotated[
        str | None, typer.Argument(help="A gather id; the latest where left out.")
    ] = None,
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Read a landing again with the mapping and plugin of today; also one whose reading failed."""
    from hub_core.errors import StateError

    at = moment(now)
    with opened(home, children=1) as hub, hub.alone(at), progress(quiet=json) as report:
        from hub_core.pipeline.gather import replay as replay_one

        landings = hub.zone.landings(province, provision)
        if not landings:
            raise StateError("nothing was landed yet", province=province, provision=provision)
        told = replay_one(hub, province, provision, gather or landings[-1], at, report)
    if json:
        as_json(told)
    else:
        show_gathers([told], {})
    sys.exit(code_of([told], {}))


def show_gathers(reports: list[GatherReport], broken: dict[str, str]) -> None:
    """What the provinces gave."""
    counted = ("new", "changed", "unchanged", "withdrawn", "quarantined")
    rows = [
        (
            each.province,
            each.provision,
            " ".join(each.periods),
            each.outcome,
            *(each.counts.get(name, 0) if each.counts else "" for name in counted),
            " ".join(f"{period} r{number}" for period, number in sorted(each.revisions.items())),
        )
        for each in reports
    ]
    columns = ["province", "provision", "asked for", "outcome", *counted, "revisions"]
    table("Gathered", columns, rows, right=counted)
    for each in reports:
        if each.error:
            say(f"  ! {each.province}/{each.provision}: {each.error}")
        if each.no_data:
            say(
                f"  - {each.province}/{each.provision}: no data reported for {', '.join(each.no_data)}"
            )
        for note in each.notes:
            say(f"  - {each.province}/{each.provision}: {note}")
    for name, what in sorted(broken.items()):
        say(f"  ! {name}: {what}")


def show_releases(releases: list[PublishReport]) -> None:
    """What was released, of whom."""
    rows = []
    for each in releases:
        missing = [
            provider for provider, state in each.reporters.items() if state in ("missing", "held")
        ]
        there = f"{len(each.reporters) - len(missing)}/{len(each.reporters)}"
        rows.append(
            (
                each.dataflow,
                each.period,
                each.state,
                each.release,
                each.figures,
                there,
                ", ".join(missing),
            )
        )
    columns = ["dataflow", "period", "state", "release", "figures", "reporters", "missing"]
    table("Releases", columns, rows, right=["figures"])
    for each in releases:
        if each.error:
            say(f"  ! {each.dataflow} {each.period}: {each.error}")
        if each.doubled:
            say(
                f"  ! {each.release}: {each.doubled} figures have two voices and are left out: hub finding list"
            )


def show_deliveries(deliveries: list[DeliveryReport]) -> None:
    """What the recipients answered."""
    rows = [
        (d.release, d.recipient, d.state, d.reference, d.delivery[:12], d.error) for d in deliveries
    ]
    table("Deliveries", ["release", "recipient", "state", "receipt", "delivery", "error"], rows)


def code_of(
    reports: list[GatherReport], broken: dict[str, str], releases: Sequence[PublishReport] = ()
) -> int:
    """The exit code for what the provinces gave, and what was released of it."""
    if broken or any(each.error for each in releases):
        return BLOCKED
    if any(each.outcome == "held" or (each.error and not each.retryable) for each in reports):
        return BLOCKED
    return UNAVAILABLE if any(each.error for each in reports) else DONE
