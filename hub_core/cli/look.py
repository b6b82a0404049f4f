"""``hub status`` and ``hub trace``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import (
    AsJson,
    AsOf,
    Home,
    Now,
    as_json,
    in_vietnam,
    moment,
    opened,
    say,
    table,
)

if TYPE_CHECKING:
    from hub_core.home import Hub
    from hub_core.trace import Step


def status(
    home: Home = Path(),
    runs: Annotated[int, typer.Option(help="How many of the last runs.")] = 12,
    json: AsJson = False,
    now: Now = None,
) -> None:
    """The last runs, what is held, what is released and what the ministry answered."""
    at = moment(now)
    with opened(home) as hub:
        told = {
            "at": at,
            "broken": hub.broken,
            "runs": hub.runs.all(runs),
            "held": [each for each in hub.store.submissions() if each.held],
            "releases": [
                {
                    "release": r.name,
                    "state": r.state,
                    "reason": r.reason,
                    "figures_digest": r.figures_digest,
                }
                for r in hub.releases.all()
            ],
            "deliveries": hub.releases.deliveries(),
        }
    if json:
        as_json(told)
        return
    table(
        "Runs",
        ["run", "kind", "province", "provision", "periods", "outcome", "began", "error"],
        [
            (
                r["id"],
                r["kind"],
                r["province"],
                r["provision"],
                " ".join(r["periods"]),
                r["outcome"],
                in_vietnam(r["started_at"]),
                (r["error"] or {}).get("message"),
            )
            for r in told["runs"]  # type: ignore[attr-defined]  # a list of rows
        ],
    )
    table(
        "Held submissions (hub admit --accept NUMBER --reason ...)",
        ["number", "province", "provision", "period", "revision", "because of"],
        [
            (s.id, s.province, s.provision, s.period, s.revision, ", ".join(s.blocked))
            for s in told["held"]  # type: ignore[attr-defined]
        ],
    )
    _show_releases(told)
    for name, what in sorted(hub.broken.items()):
        say(f"  ! {name}: {what}")


def _show_releases(told: dict[str, object]) -> None:
    releases, deliveries = told["releases"], told["deliveries"]
    table(
        "Releases",
        ["release", "state", "reason", "figures digest"],
        [(r["release"], r["state"], r["reason"], r["figures_digest"][:12]) for r in releases],  # type: ignore[attr-defined]
    )
    table(
        "Deliveries",
        ["delivery", "recipient", "state", "attempts", "error"],
        [
            (
                d["id"][:12],
                d["recipient"],
                d["state"],
                d["attempts"],
                (d["error"] or {}).get("message"),
            )
            for d in deliveries  # type: ignore[attr-defined]
        ],
    )


def trace(
    release: Annotated[
        str,
        typer.Argument(
            help="A release: TELECOM/2026-M10 (its last version) or TELECOM/2026-M10/v1."
        ),
    ],
    indicator: Annotated[str, typer.Argument(help="An indicator, like VT.03.")],
    org_unit: Annotated[str, typer.Argument(help="An org unit, like cluster-5.")],
    measure: Annotated[str | None, typer.Option(help="actual, plan or ytd.")] = None,
    calendar: Annotated[str | None, typer.Option(help="S or A.")] = None,
    dims: Annotated[str | None, typer.Option(help="Dimensions, like AREA=U;SEX=F.")] = None,
    home: Home = Path(),
    as_of: AsOf = None,
    json: AsJson = False,
) -> None:
    """From a figure of a release down to the cells that it came from, and the text that stands there."""
    from hub_core.trace import FigureQuery
    from hub_core.trace import trace as follow

    with opened(home, children=1) as hub:
        found = hub.releases.named(release, moment(as_of) if as_of else None)
        step = follow(hub, found, FigureQuery(indicator, org_unit, measure, dims, calendar))
        if json:
            as_json(
                {"release": found.name, "manifest_digest": found.manifest_digest, "figure": step}
            )
        else:
            show_trace(hub, found.name, step)


def show_trace(hub: Hub, release: str, step: Step) -> None:
    """A path as a tree."""
    from hub_core.trace import walk

    indicator = hub.config.catalogue.indicators[step.indicator]
    say(f"{release}: {indicator.name_vi} ({step.indicator}, {indicator.unit}) of {step.org_unit}")
    for depth, each in walk(step):
        value = "" if each.value is None else f" = {each.value.normalize():f}"
        status = f" [{each.status}]" if each.status else ""
        indent = "  " * depth
        say(f"{indent}{each.indicator} {each.org_unit} {each.period}{value}{status}  {each.method}")
        if each.cell:
            cell = each.cell
            say(
                f"{indent}  {cell.province}/{cell.provision} revision {cell.revision}, gather {cell.gather},"
            )
            say(f"{indent}  part {cell.part.digest[:12]}: {cell.locator}  ->  {cell.text!r}")
