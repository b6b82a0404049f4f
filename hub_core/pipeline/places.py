"""Where rows are at fault: the cell of the field that broke a rule, in the sender's terms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.trace.locate import Place, locate

if TYPE_CHECKING:
    from hub_core.config.province import Provision
    from hub_core.home import Hub
    from hub_core.model.exchange import Located, Part


def place_of(
    declared: Provision | None, parts: list[Part], row: dict[str, Any]
) -> tuple[Place, bool]:
    """Find where a row is at fault, and tell whether the text there is the one at fault.

    The place is the cell that the row's field was mapped from, where the mapping sees the reader's
    own columns; else the cell of the figure. ``parts``: those that the row's ``part`` counts.
    """
    part, figure_column = parts[row["part"]], row["column"]
    source_column = (
        _source_columns(declared).get(row["field"]) if declared and not declared.prepare else None
    )
    place = Place(part, row["row"], source_column or figure_column)
    return place, bool(source_column) or row["field"] == "value"


def _source_columns(declared: Provision) -> dict[str, str | None]:
    """Return the source column of each field that has exactly one."""
    mapped = declared.map
    unit = getattr(mapped.value.unit, "column", None)
    rules = {
        name: getattr(mapped, name)
        for name in ("indicator", "org_unit", "period", "measure", "status")
    }
    if len(mapped.dims) == 1:
        [rules["dims"]] = mapped.dims.values()
    return {"unit": unit, **{name: rule.column for name, rule in rules.items() if rule}}


def located(
    hub: Hub,
    province: str,
    provision: str,
    places: list[Place],
    *,
    cells: bool = False,
    parts: Path | None = None,
) -> list[Located]:
    """Locate each place; where its column is not there (any more), locate its row.

    ``cells``: with the whole row of each. ``parts``: the folder of the parts where that is not the
    landing zone's.
    """
    answers = locate(hub, province, provision, places, cells=cells, parts=parts)
    lost = [
        n for n, answer in enumerate(answers) if not answer.read and places[n].column is not None
    ]
    if lost and province in hub.plugins:
        row_places = [replace(places[n], column=None) for n in lost]
        row_answers = locate(hub, province, provision, row_places, cells=cells, parts=parts)
        for n, answer in zip(lost, row_answers, strict=True):
            if answer.read:
                answers[n] = answer.model_copy(update={"text": ""})
    return answers
