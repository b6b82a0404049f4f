"""What each provision sent for a period, revision by revision."""

from __future__ import annotations

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
    show_difference,
    table,
)

app = typer.Typer(no_args_is_help=True)
Which = Annotated[str, typer.Argument(help="PROVINCE/PROVISION, for example thanh_hoa/telecom.")]


@app.command("list")
def list_(
    provision: Which,
    period: Annotated[str | None, typer.Option(help="Only this period.")] = None,
    home: Home = Path(),
    as_of: AsOf = None,
    json: AsJson = False,
) -> None:
    """Its revisions, why each came, and which one is current."""
    from hub_core.store.revisions import current

    name, _, which = provision.partition("/")
    at = moment(as_of) if as_of else None
    with opened(home) as hub:
        found = hub.store.submissions([period] if period else None, province=name, provision=which)
    found = [each for each in found if at is None or each.admitted_at <= at]
    standing = {
        each.id
        for label in {each.period for each in found}
        if (each := current((one for one in found if one.period == label), at))
    }
    rows = [
        {
            "period": each.period,
            "revision": each.revision,
            "state": "current" if each.id in standing else "held" if each.held else "superseded",
            "kind": each.kind,
            "rows": each.rows,
            "quarantined": each.quarantined,
            "changes": ", ".join(
                f"{n} {name}" for name, n in each.counts.items() if n and name != "unchanged"
            ),
            "reason": each.accepted_reason or each.reason,
            "admitted": in_vietnam(each.admitted_at),
            "gather": each.gather,
        }
        for each in found
    ]
    if json:
        as_json(rows)
        return
    columns = [
        "period",
        "revision",
        "state",
        "kind",
        "rows",
        "quarantined",
        "changes",
        "reason",
        "admitted",
    ]
    table(
        f"Revisions of {provision}",
        columns,
        [[*(row[name] for name in columns[:-1]), row["admitted"]] for row in rows],
        right=["rows", "quarantined"],
    )


@app.command("diff")
def diff(
    provision: Which,
    period: Annotated[str, typer.Argument(help="The period, for example 2026-Q3.")],
    revisions: Annotated[
        tuple[int, int] | None, typer.Option(help="Two revisions; the last two where left out.")
    ] = None,
    home: Home = Path(),
    json: AsJson = False,
) -> None:
    """What changed between two revisions.

    Figures new, changed and withdrawn, with before and after.
    """
    from hub_core.pipeline.differences import of_revisions

    name, _, which = provision.partition("/")
    with opened(home) as hub:
        told = of_revisions(hub, name, which, period, revisions)
    if json:
        as_json(told)
    else:
        show_difference(told)
