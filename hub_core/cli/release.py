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
    """List all releases with their states and deliveries."""
    at = moment(as_of) if as_of else None
    with opened(home) as hub:
        releases = [
            {
                "release": release.name,
                "state": release.state,
                "reason": release.reason,
                "frozen_at": release.frozen_at,
                "reporters": release.manifest.coverage["reporters"],
                "deliveries": {
                    d["recipient"]: d["state"]
                    for d in hub.releases.deliveries(release_id=release.id)
                },
            }
            for release in hub.releases.all()
            if at is None or (release.frozen_at is not None and release.frozen_at <= at)
        ]
    if json:
        as_json(releases)
    else:
        rows = [
            (r["release"], r["state"], r["reason"], r["reporters"], _states(r["deliveries"]))
            for r in releases
        ]
        table("Releases", ["release", "state", "reason", "reporters", "deliveries"], rows)


def _states(deliveries: object) -> str:
    return ", ".join(f"{recipient} {state}" for recipient, state in dict(deliveries).items())  # type: ignore[call-overload]


@app.command("show")
def show(release: Name, home: Home = Path(), as_of: AsOf = None, json: AsJson = False) -> None:
    """Show a release's figures, reporters and receipts."""
    from hub_core.pipeline.document import document

    with opened(home) as hub:
        frozen = hub.releases.named(release, moment(as_of) if as_of else None)
        release_document = document(hub, frozen)
        figures = [
            asdict(figure) | {"decimals": str(figure.decimals)}
            for figure in release_document.figures
        ]
        receipts = {
            d["id"]: [r["answer"] for r in hub.releases.receipts(d["id"])]
            for d in hub.releases.deliveries(release_id=frozen.id)
        }
    if json:
        manifest = release_document.manifest
        as_json({"manifest": manifest, "figures": figures, "receipts": receipts})
        return
    columns = ["indicator", "name_vi", "unit", "org_unit", "value", "status", "coverage", "method"]
    say(
        f"{frozen.name}, {frozen.state}: {frozen.reason}, frozen {in_vietnam(frozen.frozen_at)}",
        "",
    )
    table(
        frozen.name,
        columns,
        [[figure[name] for name in columns] for figure in figures],
        right=["value"],
    )
    table(
        "Reporters",
        ["provider", "name", "state"],
        [(r.provider, r.name, r.state) for r in release_document.reporters],
    )
    answers = [
        (d[:12], a["state"], a["reference"], a["message"])
        for d, answers_of in receipts.items()
        for a in answers_of
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
        frozen_release = hub.releases.named(release, moment(as_of) if as_of else None)
        path = export_release(hub, frozen_release, format_, target)
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
    """Show what a version changed: figures new, changed and withdrawn, with before and after."""
    from hub_core.pipeline.differences import of_releases

    with opened(home) as hub:
        difference = of_releases(
            hub, hub.releases.named(release), hub.releases.named(before) if before else None
        )
    if json:
        as_json(difference)
    else:
        show_difference(difference)


@app.command("verify")
def verify(release: Name, home: Home = Path(), as_of: AsOf = None, json: AsJson = False) -> None:
    """Recompute a release from its sealed submissions and its catalogue, and compare."""
    from hub_core.pipeline.recompute import recompute

    with opened(home) as hub:
        comparison = recompute(hub, hub.releases.named(release, moment(as_of) if as_of else None))
    if json:
        as_json(comparison)
    else:
        same = "the same" if comparison.same else "NOT the same"
        say(
            f"{comparison.release}: {same}; figures as frozen {comparison.frozen[:12]}, "
            f"made again {comparison.made[:12]}"
        )
    if not comparison.same:
        raise typer.Exit(1)
