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
    """Return labels of periods in their usual form; one that is none is a wrong parameter."""
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
            outcome: dict[str, object] = {"accepted": accept, "reason": reason}
        else:
            assert folder is not None
            admitted = admit_folder(hub, folder, at)
            outcome = {
                "revision": admitted.revision,
                "held": admitted.held,
                "period": admitted.manifest.period,
            }
    if json:
        as_json(outcome)
    else:
        say(", ".join(f"{name}: {value}" for name, value in outcome.items()))


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
        publish_report = publish_one(
            hub,
            dataflow,
            check_frequency(hub.config, dataflow, Period.parse(label)),
            at,
            at_once=True,
        )
        deliveries = deliver_all(hub, at)
    if json:
        as_json({"release": publish_report, "deliveries": deliveries})
    else:
        show_releases([publish_report])
        show_deliveries(deliveries)
    sys.exit(
        BLOCKED
        if publish_report.error
        else UNAVAILABLE
        if any(d.error for d in deliveries)
        else DONE
    )


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
    """Run one night: gather what is owed, publish what is due, deliver what is in the outbox."""
    at = moment(now)
    if (date or again) and (period or province or (date and again)):
        raise typer.BadParameter("--date and --again stand alone")
    with opened(home, children=1) as hub, hub.alone(at), progress(quiet=json) as report:
        from hub_core.pipeline.night import again as ask_again
        from hub_core.pipeline.night import night as one_night
        from hub_core.pipeline.night import scheduled

        if date:
            night_report = scheduled(hub, date.date(), at, report)
        elif again:
            night_report = ask_again(hub, again, at, report)
        else:
            night_report = one_night(hub, at, report, checked(period), province)
    if json:
        as_json(night_report)
    else:
        show_gathers(night_report.gathers, night_report.broken)
        show_releases(night_report.releases)
        show_deliveries(night_report.deliveries)
    code = code_of(night_report.gathers, night_report.broken, night_report.releases)
    sys.exit(
        UNAVAILABLE if code != BLOCKED and any(d.error for d in night_report.deliveries) else code
    )


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
        gather_report = replay_one(hub, province, provision, gather or landings[-1], at, report)
    if json:
        as_json(gather_report)
    else:
        show_gathers([gather_report], {})
    sys.exit(code_of([gather_report], {}))


def show_gathers(reports: list[GatherReport], broken: dict[str, str]) -> None:
    """Show what the provinces gave."""
    counters = ("new", "changed", "unchanged", "withdrawn", "quarantined")
    rows = [
        (
            report.province,
            report.provision,
            " ".join(report.periods),
            report.outcome,
            *(report.counts.get(name, 0) if report.counts else "" for name in counters),
            " ".join(f"{period} r{number}" for period, number in sorted(report.revisions.items())),
        )
        for report in reports
    ]
    columns = ["province", "provision", "asked for", "outcome", *counters, "revisions"]
    table("Gathered", columns, rows, right=counters)
    for report in reports:
        if report.error:
            say(f"  ! {report.province}/{report.provision}: {report.error}")
        if report.no_data:
            say(
                f"  - {report.province}/{report.provision}: no data reported for {', '.join(report.no_data)}"
            )
        for note in report.notes:
            say(f"  - {report.province}/{report.provision}: {note}")
    for name, what in sorted(broken.items()):
        say(f"  ! {name}: {what}")


def show_releases(releases: list[PublishReport]) -> None:
    """Show what was released, and of whom."""
    rows = []
    for report in releases:
        missing = [
            provider for provider, state in report.reporters.items() if state in ("missing", "held")
        ]
        reporters = f"{len(report.reporters) - len(missing)}/{len(report.reporters)}"
        rows.append(
            (
                report.dataflow,
                report.period,
                report.state,
                report.release,
                report.figures,
                reporters,
                ", ".join(missing),
            )
        )
    columns = ["dataflow", "period", "state", "release", "figures", "reporters", "missing"]
    table("Releases", columns, rows, right=["figures"])
    for report in releases:
        if report.error:
            say(f"  ! {report.dataflow} {report.period}: {report.error}")
        if report.doubled:
            say(
                f"  ! {report.release}: {report.doubled} figures have two voices and are left out: hub finding list"
            )


def show_deliveries(deliveries: list[DeliveryReport]) -> None:
    """Show what the recipients answered."""
    rows = [
        (d.release, d.recipient, d.state, d.reference, d.delivery[:12], d.error) for d in deliveries
    ]
    table("Deliveries", ["release", "recipient", "state", "receipt", "delivery", "error"], rows)


def code_of(
    reports: list[GatherReport], broken: dict[str, str], releases: Sequence[PublishReport] = ()
) -> int:
    """Return the exit code for what the provinces gave, and what was released of it."""
    if broken or any(release.error for release in releases):
        return BLOCKED
    if any(
        report.outcome == "held" or (report.error and not report.retryable) for report in reports
    ):
        return BLOCKED
    return UNAVAILABLE if any(report.error for report in reports) else DONE
