"""Where rows of landed parts are in the sender's terms, asked of the province's own reader."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hub_core.engine.engine import Answer
from hub_core.errors import PluginError, from_dict
from hub_core.home import Hub
from hub_core.model.exchange import Located, LocateOrder, Part
from hub_core.model.formats import explain

_SECONDS = 60.0
# of one part in one order; an answer may tell of fewer, and the rest is asked again
_PLACES = 5_000


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
    """Return the locator of each place and the text there, with ``cells`` its whole row.

    ``parts``: the folder of the parts where that is not the landing zone's. Where nobody can read a
    place any more, its locator is in the hub's terms and gives the reason; the others are not
    touched.
    """
    if province not in hub.plugins:
        return [_unread(place, f"no package {province} to read it") for place in places]
    by_part: dict[Part, list[int]] = {}
    for number, place in enumerate(places):
        by_part.setdefault(place.part, []).append(number)
    number_lists = [
        numbers[start : start + _PLACES]
        for numbers in by_part.values()
        for start in range(0, len(numbers), _PLACES)
    ]
    folder = str((parts or hub.zone.parts(province, provision)).resolve())
    located_by_number: dict[int, Located] = {}
    while number_lists:
        place_lists = [[places[number] for number in numbers] for numbers in number_lists]
        orders = [
            _order(hub, (province, provision), folder, order_places, cells=cells)
            for order_places in place_lists
        ]
        rests = []
        for numbers, order_places, answer in zip(
            number_lists, place_lists, hub.engine.ask(orders, _SECONDS), strict=True
        ):
            located = _located(order_places, answer)
            located_by_number.update(zip(numbers, located, strict=False))
            rests.append(numbers[len(located) :])
        number_lists = [numbers for numbers in rests if numbers]
    return [located_by_number[number] for number in range(len(places))]


def _order(
    hub: Hub, of: tuple[str, str], parts: str, places: list[Place], *, cells: bool
) -> dict[str, object]:
    """Return the order that asks a child about places of one part.

    ``of``: province and provision.
    """
    return LocateOrder(
        plugin=hub.plugins[of[0]],
        trusted=hub.config.settings.plugins.trusted,
        provision=of[1],
        parts=parts,
        part=places[0].part,
        places=[(place.row, place.column) for place in places],
        cells=cells,
    ).model_dump(mode="json")


def _located(places: list[Place], answer: Answer) -> list[Located]:
    """Return what an answer tells of the first of the places, at least of one.

    Where the answer is an error, each of all the places gives it as the reason.
    """
    if not answer.get("error"):
        try:
            located = [Located.model_validate(item) for item in answer.get("located", [])]
        except ValidationError as error:
            answer = {
                "error": PluginError(f"the child's answer is not one: {explain(error)}").as_dict()
            }
        else:
            if located:
                return located[: len(places)]
            answer = {"error": PluginError("the child's answer tells of no place").as_dict()}
    why = str(from_dict(answer["error"]))
    return [_unread(place, why) for place in places]


def _unread(place: Place, why: str) -> Located:
    return Located.unread(place.part, place.row, place.column, why)
