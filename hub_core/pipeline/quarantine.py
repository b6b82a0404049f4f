"""The quarantine as people read it: each row with its reason and its place in the sender's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub_core.landing import quarantined, read_manifest
from hub_core.model.exchange import LocateOrder
from hub_core.rules import RULES

if TYPE_CHECKING:
    from hub_core.home import Hub
    from hub_core.store.revisions import Submission

_SECONDS = 60.0


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
    rows, parts = quarantined(folder), read_manifest(folder).parts
    locators = [f"{parts[row['part']].name}, row {row['row']}, column {row['column']}" for row in rows]
    if submission.province in hub.found:
        orders = [
            LocateOrder(
                plugin=hub.found[submission.province],
                trusted=hub.config.settings.plugins.trusted,
                provision=submission.provision,
                parts=str(hub.zone.parts(submission.province, submission.provision).resolve()),
                part=parts[row["part"]],
                row=row["row"],
                column=row["column"],
            ).model_dump(mode="json")
            for row in rows
        ]
        answers = hub.engine.submit(orders, _SECONDS, lambda *_: None, lambda _: None).result()
        locators = [answer.get("locator", plain) for answer, plain in zip(answers, locators, strict=True)]
    return [
        {
            "province": submission.province,
            "provision": submission.provision,
            "period": submission.period,
            "revision": submission.revision,
            "code": row["code"],
            "field": row["field"],
            "text": row["text"],
            "locator": locator,
            "vi": RULES[row["code"]].text.vi,
            "en": RULES[row["code"]].text.en,
        }
        for row, locator in zip(rows, locators, strict=True)
    ]
