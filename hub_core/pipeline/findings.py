"""Findings as people read them: where the example of each stands, in the sender's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub_core.errors import SubmissionError
from hub_core.landing.layout import read_manifest
from hub_core.pipeline.places import located, place_of

if TYPE_CHECKING:
    from hub_core.home import Hub
    from hub_core.trace.locate import Place


def with_places(hub: Hub, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Findings with ``locator`` in the place of each whose example stands in a landed part."""
    waiting: dict[tuple[str, str], list[tuple[dict[str, Any], Place]]] = {}
    for each in findings:
        place = each["place"]
        if not each.get("path") or place.get("part") is None:
            continue
        try:
            parts = read_manifest(hub.zone.root / each["path"]).parts
        except (
            SubmissionError
        ):  # its files are gone or changed, and whoever looks at them is told so
            continue
        declared = (
            hub.provinces[each["province"]].provisions.get(each["provision"])
            if each["province"] in hub.provinces
            else None
        )
        where, _ = place_of(declared, parts, {"field": place.get("field") or "value", **place})
        waiting.setdefault((each["province"], each["provision"]), []).append((each, where))
    for (province, provision), mine in waiting.items():
        found = located(hub, province, provision, [place for _, place in mine])
        for (each, _), told in zip(mine, found, strict=True):
            if told.read:
                each["place"] = {**each["place"], "locator": told.locator}
    return findings
