"""Deliveries: what is sent to whom, and what they answered."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from hub_core.cli.output import DONE, UNAVAILABLE, AsJson, Home, Now, as_json, moment, opened, table

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(home: Home = Path(), json: AsJson = False) -> None:
    """List every delivery with its state, how often it was sent, and what is wrong with it."""
    with opened(home) as hub:
        names = {release.id: release.name for release in hub.releases.all()}
        deliveries = [{"release": names[d["release_id"]], **d} for d in hub.releases.deliveries()]
    if json:
        as_json(deliveries)
        return
    rows = [
        (
            d["release"],
            d["recipient"],
            d["state"],
            d["attempts"],
            d["id"][:12],
            (d["error"] or {}).get("message", ""),
        )
        for d in deliveries
    ]
    table(
        "Deliveries",
        ["release", "recipient", "state", "sent", "delivery", "error"],
        rows,
        right=["sent"],
    )


@app.command("send")
def send(home: Home = Path(), json: AsJson = False, now: Now = None) -> None:
    """Send what is in the outbox now, and ask about what was sent without an answer."""
    from hub_core.cli.journeys import show_deliveries
    from hub_core.pipeline.deliver import deliver_all

    at = moment(now)
    with opened(home) as hub, hub.alone(at):
        deliveries = deliver_all(hub, at)
    if json:
        as_json(deliveries)
    else:
        show_deliveries(deliveries)
    sys.exit(UNAVAILABLE if any(d.error for d in deliveries) else DONE)
