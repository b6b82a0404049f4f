"""The quarantine as people read it: each row with its reason and its place in the sender's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub_core.landing import quarantined, read_manifest
from hub_core.locate import Place, locate

if TYPE_CHECKING:
    from hub_core.home import Hub
    from hub_core.store.revisions import Submission


def quarantined_rows(hub: Hub, province: str | None, period: str | None) -> list[dict[str, Any]]:
    """The quarantined rows of the newest revision of each provision and period, located."""
    newest: dict[tuple[str, str, str], Submission] = {}
    for each in hub.store.submissions():
        if (province and each.province != province) or (period and each.period != period):
            continue
        newest[each.province, each.provision, each.period] = each
    return [row for each in newest.values() if each.quarantined for row in _rows(hub, each)]


def _rows(hub: Hub, submission: Submission) -> list[dict[str, Any]]:
    folder = hub.zone.root / submission.path
    manifest = read_manifest(folder)
    rows, parts = quarantined(folder), manifest.parts
    words = {each.code: each for each in manifest.findings}
    places = [Place(parts[row["part"]], row["row"], row["column"]) for row in rows]
    found = locate(hub, submission.province, submission.provision, places)
    return [
        {
            "province": submission.province,
            "provision": submission.provision,
            "period": submission.period,
            "revision": submission.revision,
            "code": row["code"],
            "field": row["field"],
            "text": row["text"],
            "locator": where.locator,
            "vi": words[row["code"]].vi,
            "en": words[row["code"]].en,
        }
        for row, where in zip(rows, found, strict=True)
    ]
