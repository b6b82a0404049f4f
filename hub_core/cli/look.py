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
    """Show the last runs, what is held, what is released and what the ministry answered."""
    at = moment(now)
    with opened(home) as hub:
        state = {
            "at": at,
            "broken": hub.broken,
            "runs": hub.runs.all(runs),
            "held": [submission for submission in hub.store.submissions() if submission.held],
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
        as_json(state)
        return
    _show_runs(state)
    _show_held(state)
    _show_releases(state)
    for name, what in sorted(hub.broken.items()):
        say(f"  ! {name}: {what}")


def _show_runs(state: dict[str, object]) -> None:
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
            for r in state["runs"]  # type: ignore[attr-defined]  # a list of rows
        ],
    )


def _show_held(state: dict[str, object]) -> None:
    table(
        "Held submissions (hub admit --accept NUMBER --reason ...)",
        ["number", "province", "provision", "period", "revision", "because of"],
        [
            (s.id, s.province, s.provision, s.period, s.revision, ", ".join(s.blocked))
            for s in state["held"]  # type: ignore[attr-defined]
        ],
    )


def _show_releases(state: dict[str, object]) -> None:
    releases, deliveries = state["releases"], state["deliveries"]
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
    """Follow a figure of a release down to the cells that it came from, and the text there."""
    from hub_core.trace import FigureQuery
    from hub_core.trace import trace as follow

    with opened(home, children=1) as hub:
        frozen_release = hub.releases.named(release, moment(as_of) if as_of else None)
        step = follow(
            hub, frozen_release, FigureQuery(indicator, org_unit, measure, dims, calendar)
        )
        if json:
            as_json(
                {
                    "release": frozen_release.name,
                    "manifest_digest": frozen_release.manifest_digest,
                    "figure": step,
                }
            )
        else:
            show_trace(hub, frozen_release.name, step)


def show_trace(hub: Hub, release: str, step: Step) -> None:
    """Show a path as a tree."""
    from hub_core.trace import walk

    indicator = hub.config.catalogue.indicators[step.indicator]
    say(f"{release}: {indicator.name_vi} ({step.indicator}, {indicator.unit}) of {step.org_unit}")
    for depth, node in walk(step):
        value = "" if node.value is None else f" = {node.value.normalize():f}"
        status = f" [{node.status}]" if node.status else ""
        indent = "  " * depth
        say(f"{indent}{node.indicator} {node.org_unit} {node.period}{value}{status}  {node.method}")
        if node.cell:
            cell = node.cell
            say(
                f"{indent}  {cell.province}/{cell.provision} revision {cell.revision}, gather {cell.gather},"
            )
            say(f"{indent}  part {cell.part.digest[:12]}: {cell.locator}  ->  {cell.text!r}")
