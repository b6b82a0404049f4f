"""Org units.

Who is meant by a word or a code, what they are called when, and what became of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub_core.cli.output import BLOCKED, AsJson, Home, as_json, console, opened, say, table

if TYPE_CHECKING:
    from rich.tree import Tree

    from hub_core.mapping.meaning import Resolved
    from hub_core.model.borders import Branch
    from hub_core.model.catalogue import Catalogue
    from hub_core.model.org_unit import OrgUnit, Succession, Validity

app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="An org unit's id, like vn-quang-tri-2025.")]
At = Annotated[
    datetime | None, typer.Option("--at", formats=["%Y-%m-%d"], help="The day, like 2025-06-30.")
]
AHEAD = {
    "merge": "merged into",
    "split": "split into",
    "boundary transfer": "gave a part to",
    "rename": "renamed:",
}
BACK = {
    "merge": "merged from",
    "split": "split from",
    "boundary transfer": "got a part of",
    "rename": "renamed:",
}
TABLES = {
    "Names": {"name": "name", "English": "name_en", "type": "type"},
    "Codes": {"scheme": "scheme", "code": "code"},
    "Clusters": {"cluster": "cluster", "name": "name"},
    "Members": {"member": "member", "name": "name"},
}
STEPS = {
    "date": "date",
    "kind": "kind",
    "from": "predecessor",
    "to": "successor",
    "legal act": "legal_act",
}
Row = dict[str, str | None]


@app.command("show")
def show(org_unit: Id, at: At = None, home: Home = Path(), json: AsJson = False) -> None:
    """Show an org unit's names, codes, parent, clusters and successions, with the days of each."""
    day = at.date() if at else None
    with opened(home) as hub:
        catalogue = hub.config.catalogue
    unit = _unit(catalogue, org_unit)
    facts = _facts(catalogue, unit, day)
    if json:
        as_json(
            {
                "id": unit.id,
                "level": unit.level,
                "parent": unit.parent or None,
                **_dates(unit.valid),
                **facts,
            }
        )
        return
    parent_words = f", under {unit.parent}" if unit.parent else ""
    say(
        f"{unit.id}: {_name_of(catalogue, unit.id, day)}, {unit.level}{parent_words}, {_days(_dates(unit.valid))}."
    )
    if day and not unit.valid.holds(day):
        say(f"It did not live on {day}.")
    say("")
    for title, columns in TABLES.items():
        if rows := facts[title.lower()]:
            table(
                title,
                [*columns, "days"],
                [(*(r[key] for key in columns.values()), _days(r)) for r in rows],
            )
    table(
        "Successions",
        list(STEPS),
        [tuple(r[key] for key in STEPS.values()) for r in facts["successions"]],
    )


@app.command("resolve")
def resolve(
    text: Annotated[str, typer.Argument(help="An id, a code of any scheme, a name or an alias.")],
    at: At = None,
    home: Home = Path(),
    json: AsJson = False,
) -> None:
    """Find who is meant by an id, code, name or alias on a day.

    Exit code 1 where that is not one org unit.
    """
    from hub_core.mapping import meaning

    day = at.date() if at else None
    with opened(home) as hub:
        catalogue = hub.config.catalogue
    resolved = meaning.resolve(catalogue, text, day)
    if not resolved.candidates:
        raise typer.BadParameter(f"no org unit has the id, code, name or alias {text!r}")
    if json:
        candidates = [
            {"org_unit": m.org_unit, "by": m.by, **_dates(m.valid)} for m in resolved.candidates
        ]
        as_json(
            {
                "text": text,
                "at": day,
                "org_unit": resolved.org_unit or None,
                "candidates": candidates,
            }
        )
    else:
        _show_candidates(catalogue, text, resolved, day)
    sys.exit(0 if resolved.org_unit else BLOCKED)


def _show_candidates(catalogue: Catalogue, text: str, resolved: Resolved, day: date | None) -> None:
    if resolved.org_unit:
        say(f"{resolved.org_unit}: {_name_of(catalogue, resolved.org_unit, day)}", "")
    else:
        count = len({m.org_unit for m in resolved.candidates if day is None or m.valid.holds(day)})
        say(f"{text!r} stands for {count or 'no'} org units{f' on {day}' if day else ''}.", "")
    rows = [
        (m.org_unit, _name_of(catalogue, m.org_unit, day), m.by, _days(_dates(m.valid)))
        for m in resolved.candidates
    ]
    table("Candidates", ["org unit", "name", "by", "days"], rows)


@app.command("timeline")
def timeline(org_unit: Id, home: Home = Path(), json: AsJson = False) -> None:
    """Show where an org unit came from and what became of it, by date, with the legal acts."""
    from hub_core.model.borders import became, came_from

    with opened(home) as hub:
        catalogue = hub.config.catalogue
    unit = _unit(catalogue, org_unit)
    before = [b for b in came_from(catalogue, unit.id) if b.depth > 1 or b.org_unit != unit.id]
    after = became(catalogue, unit.id)
    if json:
        branch_lists = {
            "came_from": [_branch(b) for b in before],
            "became": [_branch(b) for b in after],
        }
        as_json({"id": unit.id, **_dates(unit.valid), **branch_lists})
        return
    say(f"{unit.id}: {_name_of(catalogue, unit.id)}, {_days(_dates(unit.valid))}.")
    for title, branches, verbs in (("Came from", before, BACK), ("Became", after, AHEAD)):
        if branches:
            console().print(_tree(catalogue, title, branches, verbs))
    if not (before or after):
        say("No succession names it.")


def _tree(
    catalogue: Catalogue, title: str, branches: Iterable[Branch], verbs: dict[str, str]
) -> Tree:
    """Draw branches as a tree: each with its date, whom it met, and below that the legal act."""
    from rich.text import Text
    from rich.tree import Tree

    line = [Tree(Text(title, style="bold"))]
    for branch in branches:
        step = branch.succession
        name = _name_of(
            catalogue, branch.org_unit, step.day if verbs is AHEAD else _day_before(step.day)
        )
        who = name if step.kind == "rename" else f"{branch.org_unit}: {name}"
        label = Text(f"{step.day} {verbs[step.kind]} {who}\n").append(step.legal_act, style="dim")
        line[branch.depth :] = [line[branch.depth - 1].add(label)]
    return line[0]


def _facts(catalogue: Catalogue, unit: OrgUnit, day: date | None) -> dict[str, list[Row]]:
    """Return all that the catalogue says of an org unit, or what of it holds on a day."""
    from hub_core.model.borders import predecessors, successors

    def holds(valid: Validity) -> bool:
        return day is None or (valid.holds(day) and unit.valid.holds(day))

    def name_of(other_unit: str) -> str:
        return _name_of(catalogue, other_unit, day)

    memberships = [m for m in catalogue.memberships if holds(m.valid)]
    steps = dict.fromkeys([*predecessors(catalogue, unit.id), *successors(catalogue, unit.id)])
    return {
        "names": [
            {
                "name": n.name,
                "name_en": n.name_en,
                "type": n.type,
                **_dates(n.valid.within(unit.valid)),
            }
            for n in unit.names
            if holds(n.valid)
        ],
        "codes": [
            {"scheme": c.scheme, "code": c.code, **_dates(c.valid.within(unit.valid))}
            for c in unit.codes
            if holds(c.valid)
        ],
        "clusters": [
            {"cluster": m.org_unit, "name": name_of(m.org_unit), **_dates(m.valid)}
            for m in memberships
            if m.member == unit.id
        ],
        "members": [
            {"member": m.member, "name": name_of(m.member), **_dates(m.valid)}
            for m in memberships
            if m.org_unit == unit.id
        ],
        "successions": [_step(succession) for succession in sorted(steps, key=lambda s: s.day)],
    }


def _unit(catalogue: Catalogue, org_unit: str) -> OrgUnit:
    """Return the org unit of an id.

    One that is not there is a usage error that names whom the word may mean.
    """
    from hub_core.mapping import meaning

    if org_unit in catalogue.org_units:
        return catalogue.org_units[org_unit]
    meant = dict.fromkeys(m.org_unit for m in meaning.resolve(catalogue, org_unit).candidates)
    hint = (
        f"; it may mean {', '.join(meant)}"
        if meant
        else "; hub orgunit resolve finds one by a name or a code"
    )
    raise typer.BadParameter(f"there is no org unit with the id {org_unit!r}{hint}")


def _name_of(catalogue: Catalogue, org_unit: str, day: date | None = None) -> str:
    """Return name and type of an org unit on a day, or on its last."""
    unit = catalogue.org_units[org_unit]
    name = unit.named(min(day or date.max, unit.valid.last or date.max))
    return f"{name.name} ({name.type})"


def _day_before(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def _step(succession: Succession) -> Row:
    return {
        "date": str(succession.day),
        "kind": succession.kind,
        "predecessor": succession.predecessor,
        "successor": succession.successor,
        "legal_act": succession.legal_act,
    }


def _branch(branch: Branch) -> dict[str, object]:
    return {"depth": branch.depth, "org_unit": branch.org_unit, **_step(branch.succession)}


def _dates(valid: Validity) -> Row:
    return {
        name: str(day) if day else None
        for name, day in (("valid_from", valid.first), ("valid_to", valid.last))
    }


def _days(dates: Row) -> str:
    """Say days in words."""
    words = [
        f"{preposition} {dates[key]}"
        for preposition, key in (("from", "valid_from"), ("until", "valid_to"))
        if dates[key]
    ]
    return " ".join(words) or "always"
