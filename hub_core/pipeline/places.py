"""Where rows are at fault.

The cell of the field that broke a rule, located in the sender's terms.
"""

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
    """Where a row is at fault, and whether the text there is the one at fault.

    That is the cell that its field was mapped from, where the mapping sees the reader's own
    columns; else the figure.
    """
    part, column = parts[row["part"]], row["column"]
    mapped = _columns(declared).get(row["field"]) if declared and not declared.prepare else None
    return Place(part, row["row"], mapped or column), bool(mapped) or row["field"] == "value"


def _columns(declared: Provision) -> dict[str, str | None]:
    """The source column of each field that has exactly one."""
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
    """Each place located; where its column is not there (any more), its row."""
    found = locate(hub, province, provision, places, cells=cells, parts=parts)
    lost = [n for n, each in enumerate(found) if not each.read and places[n].column is not None]
    if lost and province in hub.plugins:
        bare = [replace(places[n], column=None) for n in lost]
        rows = locate(hub, province, provision, bare, cells=cells, parts=parts)
        for n, each in zip(lost, rows, strict=True):
            found[n] = each.model_copy(update={"text": ""}) if each.read else found[n]
    return found
