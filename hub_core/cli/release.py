"""Consolidated feeds: what they hold, and what the ministry answered."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub_core.cli.output import (
    AsJson,
    AsOf,
    Home,
    as_json,
    in_vietnam,
    moment,
    opened,
    say,
    show_difference,
    table,
)

app = typer.Typer(no_args_is_help=True)
Name = Annotated[
    str,
    typer.Argument(help="A release: TELECOM/2026-M10 (its last version) or TELECOM/2026-M10/v1."),
]


@app.command("list")
def list_(home: Home = Path(), as_of: AsOf = None, json: AsJson = False) -> None:
    """All releases with their states and deliveries."""
    at = moment(as_of) if as_of else None
    with opened(home) as hub:
        found = [
            {
                "release": each.name,
                "state": each.state,
                "reason": each.reason,
                "frozen_at": each.frozen_at,
                "reporters": each.manifest.coverage["reporters"],
                "deliveries": {
                    d["recipient"]: d["state"] for d in hub.releases.deliveries(release_id=each.id)
                },
            }
            for each in hub.releases.all()
            if at is None or (each.frozen_at is not None and each.frozen_at <= at)
        ]
    if json:
        as_json(found)
    else:
        rows = [
            (r["release"], r["state"], r["reason"], r["reporters"], _states(r["deliveries"]))
            for r in found
        ]
        table("Releases", ["release", "state", "reason", "reporters", "deliveries"], rows)


def _states(deliveries: object) -> str:
    return ", ".join(f"{recipient} {state}" for recipient, state in dict(deliveries).items())  # type: ignore[call-overload]


@app.command("show")
def show(release: Name, home: Home = Path(), as_of: AsOf = None, json: AsJson = False) -> None:
    """A release's figures, reporters and receipts."""
    from hub_core.pipeline.document import document

    with opened(home) as hub:
        found = hub.releases.named(release, moment(as_of) if as_of else None)
        told = document(hub, found)
        figures = [asdict(figure) | {"decimals": str(figure.decimals)} for figure in told.figures]
        receipts = {
            d["id"]: [r["answer"] for r in hub.releases.receipts(d["id"])]
            for d in hub.releases.deliveries(release_id=found.id)
        }
    if json:
        as_json({"manifest": told.manifest, "figures": figures, "receipts": receipts})
        return
    columns = ["indicator", "name_vi", "unit", "org_unit", "value", "status", "coverage", "method"]
    say(f"{found.name}, {found.state}: {found.reason}, frozen {in_vietnam(found.frozen_at)}", "")
    table(
        found.name,
        columns,
        [[each[name] for name in columns] for each in figures],
        right=["value"],
    )
    table(
        "Reporters",
        ["provider", "name", "state"],
        [(r.provider, r.name, r.state) for r in told.reporters],
    )
    answers = [
        (d[:12], a["state"], a["reference"], a["message"])
        for d, each in receipts.items()
        for a in each
    ]
    table("Receipts", ["delivery", "state", "receipt", "message"], answers)


@app.command("export")
def export(
    release: Name,
    target: Annotated[Path, typer.Argument(help="A file, or a folder to put it into.")] = Path(),
    format_: Annotated[str, typer.Option("--format", help="xlsx or json.")] = "xlsx",
    home: Home = Path(),
    as_of: AsOf = None,
    json: AsJson = False,
) -> None:
    """Write a release as a file to hand on."""
    from hub_core.pipeline.document import export as export_release

    with opened(home) as hub:
        found = hub.releases.named(release, moment(as_of) if as_of else None)
        path = export_release(hub, found, format_, target)
    if json:
        as_json({"file": str(path)})
    else:
        say(f"{path}")


@app.command("diff")
def diff(
    release: Name,
    before: Annotated[
        str | None, typer.Option(help="Another version of it; the one before where left out.")
    ] = None,
    home: Home = Path(),
    json: AsJson = False,
) -> None:
    """What a version changed: figures new, changed and withdrawn, with before and after."""
    from hub_core.pipeline.differences import of_releases

    with opened(home) as hub:
        told = of_releases(
            hub, hub.releases.named(release), hub.releases.named(before) if before else None
        )
    if json:
        as_json(told)
    else:
        show_difference(told)


@app.command("verify")
def verify(release: Name, home: Home = Path(), as_of: AsOf = None, json: AsJson = False) -> None:
    """Recompute a release from the sealed submissions and the catalogue that it was made of, and compare."""
    from hub_core.pipeline.recompute import recompute

    with opened(home) as hub:
        told = recompute(hub, hub.releases.named(release, moment(as_of) if as_of else None))
    if json:
        as_json(told)
    else:
        same = "the same" if told.same else "NOT the same"
        say(
            f"{told.release}: {same}; figures as frozen {told.frozen[:12]}, made again {told.made[:12]}"
        )
    if not told.same:
        raise typer.Exit(1)
