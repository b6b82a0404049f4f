"""Findings as people read them: where the example of each is, in the sender's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub_core.errors import SubmissionError
from hub_core.landing.layout import read_manifest
from hub_core.pipeline.places import located, place_of

if TYPE_CHECKING:
    from hub_core.home import Hub
    from hub_core.trace.locate import Place


def with_places(hub: Hub, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add ``locator`` to the place of each finding whose example is in a landed part.

    Changes the findings given, and returns them.
    """
    by_provision: dict[tuple[str, str], list[tuple[dict[str, Any], Place]]] = {}
    for finding in findings:
        place = finding["place"]
        if not finding.get("path") or place.get("part") is None:
            continue
        try:
            parts = read_manifest(hub.zone.root / finding["path"]).parts
        except SubmissionError:
            # its files are gone or changed, and whoever looks at them is told so
            continue
        declared = (
            hub.provinces[finding["province"]].provisions.get(finding["provision"])
            if finding["province"] in hub.provinces
            else None
        )
        cell, _ = place_of(declared, parts, {"field": place.get("field") or "value", **place})
        key = (finding["province"], finding["provision"])
        by_provision.setdefault(key, []).append((finding, cell))
    for (province, provision), pairs in by_provision.items():
        answers = located(hub, province, provision, [cell for _, cell in pairs])
        for (finding, _), answer in zip(pairs, answers, strict=True):
            if answer.read:
                finding["place"] = {**finding["place"], "locator": answer.locator}
    return findings
