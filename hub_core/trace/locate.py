"""Locate.

Where rows of landed parts stand in the sender's terms, asked of the province's own reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hub_core.contracts import explain
from hub_core.engine.engine import Answer
from hub_core.errors import PluginError, from_dict
from hub_core.home import Hub
from hub_core.model.exchange import Located, LocateOrder, Part

_SECONDS = 60.0
_PLACES = (
    5_000  # of one part in one order; an answer may tell of fewer, and the rest is asked again
)


@dataclass(frozen=True, slots=True)
class Place:
    """A row and column of a landed part."""

    part: Part
    row: int
    column: str | None


def locate(
    hub: Hub,
    province: str,
    provision: str,
    places: list[Place],
    *,
    cells: bool = False,
    parts: Path | None = None,
) -> list[Located]:
    """The locator of each place and the text there, with ``cells`` its whole row.

    ``parts``: the folder of the parts where that is not the landing zone's. Where nobody can read a
    place any more, it stands in the hub's terms with the reason; the others are not touched.
    """
    if province not in hub.plugins:
        return [_unread(place, f"no package {province} to read it") for place in places]
    by_part: dict[Part, list[int]] = {}
    for number, place in enumerate(places):
        by_part.setdefault(place.part, []).append(number)
    waiting = [
        numbers[start : start + _PLACES]
        for numbers in by_part.values()
        for start in range(0, len(numbers), _PLACES)
    ]
    folder = str((parts or hub.zone.parts(province, provision)).resolve())
    told: dict[int, Located] = {}
    while waiting:
        asked = [[places[number] for number in numbers] for numbers in waiting]
        orders = [_order(hub, (province, provision), folder, each, cells=cells) for each in asked]
        left = []
        for numbers, each, answer in zip(
            waiting, asked, hub.engine.ask(orders, _SECONDS), strict=True
        ):
            found = _told(each, answer)
            told.update(zip(numbers, found, strict=False))
            left.append(numbers[len(found) :])
        waiting = [numbers for numbers in left if numbers]
    return [told[number] for number in range(len(places))]


def _order(
    hub: Hub, of: tuple[str, str], parts: str, places: list[Place], *, cells: bool
) -> dict[str, object]:
    """What a child is asked about places of one part."""
    return LocateOrder(
        plugin=hub.plugins[of[0]],
        trusted=hub.config.settings.plugins.trusted,
        provision=of[1],
        parts=parts,
        part=places[0].part,
        places=[(place.row, place.column) for place in places],
        cells=cells,
    ).model_dump(mode="json")


def _told(places: list[Place], answer: Answer) -> list[Located]:
    """What an answer tells of the first of the places, at least of one.

    Of all of them why, where it is an error.
    """
    if not answer.get("error"):
        try:
            found = [Located.model_validate(each) for each in answer.get("located", [])]
        except ValidationError as error:
            answer = {
                "error": PluginError(f"the child's answer is not one: {explain(error)}").as_dict()
            }
        else:
            if found:
                return found[: len(places)]
            answer = {"error": PluginError("the child's answer tells of no place").as_dict()}
    why = str(from_dict(answer["error"]))
    return [_unread(place, why) for place in places]


def _unread(place: Place, why: str) -> Located:
    return Located.unread(place.part, place.row, place.column, why)
