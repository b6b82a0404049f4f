"""Locate: where rows of landed parts stand in the sender's terms, asked of the province's own reader."""

from __future__ import annotations

from dataclasses import dataclass

from hub_core.errors import from_dict
from hub_core.home import Hub
from hub_core.model.exchange import Located, LocateOrder, Part

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """A row and column of a landed part."""

    part: Part
    row: int
    column: str | None


def locate(hub: Hub, province: str, provision: str, places: list[Place]) -> list[Located]:
    """The locator of each place and the text there; where nobody can read it any more, the place and why."""
    if province not in hub.found:
        return [_unread(place, f"no package {province} to read it") for place in places]
    orders = [
        LocateOrder(
            plugin=hub.found[province],
            trusted=hub.config.settings.plugins.trusted,
            provision=provision,
            parts=str(hub.zone.parts(province, provision).resolve()),
            part=place.part,
            row=place.row,
            column=place.column,
        ).model_dump(mode="json")
        for place in places
    ]
    answers = hub.engine.ask(orders, _SECONDS)
    return [
        Located(locator=answer["locator"], text=answer["text"])
        if "locator" in answer
        else _unread(place, str(from_dict(answer["error"])))
        for place, answer in zip(places, answers, strict=True)
    ]


def _unread(place: Place, why: str) -> Located:
    return Located(locator=f"{place.part.name}, row {place.row}, column {place.column}", text=f"({why})")
