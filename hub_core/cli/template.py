"""``hub template``: the form that a clerk fills."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub_core.cli.output import AsJson, Home, Now, as_json, moment, opened, say


def template(
    dataflow: Annotated[str, typer.Argument(help="A dataflow, like TELECOM.")],
    provision: Annotated[
        str, typer.Option(help="Whose form it is: PROVINCE/PROVISION, like quang_tri/telecom.")
    ],
    period: Annotated[
        str | None, typer.Option(help="A period; the last ended one where left out.")
    ] = None,
    out: Annotated[Path, typer.Option(help="A file, or a folder to put it into.")] = Path(),
    home: Home = Path(),
    json: AsJson = False,
    now: Now = None,
) -> None:
    """Make the Excel form that a department without a system fills.

    The reader of kind form reads it back.
    """
    from hub_core.model.period import Period
    from hub_core.obligations import business_date
    from hub_core.pipeline.template import form, write

    try:
        requested_period = Period.parse(period) if period else None
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with opened(home) as hub:
        new_form = form(hub, dataflow, provision, requested_period, business_date(moment(now)))
        path = write(hub, new_form, out)
    if json:
        facts = {
            "file": str(path),
            "dataflow": new_form.dataflow,
            "provision": provision,
            "period": new_form.period,
        }
        as_json(facts | {"due": new_form.due, "lines": len(new_form.lines)})
    else:
        say(
            f"{path}",
            f"{new_form.title}, {new_form.period}: {len(new_form.lines)} lines "
            f"for {new_form.provider_name}, due {new_form.due}.",
        )
