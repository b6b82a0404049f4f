"""What the operator has stopped: nights, deliveries, or a province."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub_core.cli.output import AsJson, Home, Now, as_json, moment, say, table

app = typer.Typer(no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="nights, deliveries, or a province.")]


@app.command("list")
def list_(home: Home = Path(), json: AsJson = False) -> None:
    """List what is stopped, since when and why."""
    from hub_core.cli.output import opened
    from hub_core.store.nights import Brakes

    with opened(home) as hub:
        brakes = list(Brakes(hub.store).all().values())
    if json:
        as_json(brakes)
    else:
        table(
            "Brakes",
            ["name", "since", "why"],
            [(b.name, f"{b.since:%Y-%m-%d %H:%M}Z", b.why) for b in brakes],
        )


@app.command("on")
def on(
    name: Name,
    why: Annotated[str, typer.Option(help="Why, for whoever finds it on.")],
    home: Home = Path(),
    now: Now = None,
) -> None:
    """Stop nights, deliveries or a province until it is let go on.

    What is under way is finished.
    """
    from hub_core.cli.output import opened
    from hub_core.store.nights import DELIVERIES, NIGHTS, Brakes

    if not why.strip():
        raise typer.BadParameter("say why")
    with opened(home) as hub:
        provinces = sorted({*hub.provinces, *hub.broken})
        if name not in (NIGHTS, DELIVERIES, *provinces):
            raise typer.BadParameter(
                f"no {name}; there are {', '.join([NIGHTS, DELIVERIES, *provinces])}"
            )
        Brakes(hub.store).put_on(name, why.strip(), moment(now))
    say(f"{name}: stopped. To go on: hub brake off {name}")


@app.command("off")
def off(name: Name, home: Home = Path()) -> None:
    """Let nights, deliveries or a province go on."""
    from hub_core.cli.output import opened
    from hub_core.store.nights import Brakes

    with opened(home) as hub:
        Brakes(hub.store).take_off(name)
    say(f"{name}: goes on.")
