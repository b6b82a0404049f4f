"""What each provision sent for a period, revision by revision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from hub_core.store.revisions import Submission

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
    """List a provision's revisions, why each came, and which one is current."""
    from hub_core.store.revisions import current

    name, _, provision_name = provision.partition("/")
    at = moment(as_of) if as_of else None
    with opened(home) as hub:
        revisions = hub.store.submissions(
            [period] if period else None, province=name, provision=provision_name
        )
    revisions = [revision for revision in revisions if at is None or revision.admitted_at <= at]
    current_ids = {
        newest.id
        for label in {revision.period for revision in revisions}
        if (newest := current((r for r in revisions if r.period == label), at))
    }
    rows = [_row(revision, current_ids) for revision in revisions]
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


def _row(revision: Submission, current_ids: set[int]) -> dict[str, object]:
    is_current = revision.id in current_ids
    return {
        "period": revision.period,
        "revision": revision.revision,
        "state": "current" if is_current else "held" if revision.held else "superseded",
        "kind": revision.kind,
        "rows": revision.rows,
        "quarantined": revision.quarantined,
        "changes": ", ".join(
            f"{n} {name}" for name, n in revision.counts.items() if n and name != "unchanged"
        ),
        "reason": revision.accepted_reason or revision.reason,
        "admitted": in_vietnam(revision.admitted_at),
        "gather": revision.gather,
    }


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
    """Show what changed between two revisions.

    Figures new, changed and withdrawn, with before and after.
    """
    from hub_core.pipeline.differences import of_revisions

    name, _, provision_name = provision.partition("/")
    with opened(home) as hub:
        difference = of_revisions(hub, name, provision_name, period, revisions)
    if json:
        as_json(difference)
    else:
        show_difference(difference)
