"""Releases and their deliveries as the database keeps them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from hub_core.errors import StateError, StoreError
from hub_core.model.exchange import Receipt, ReleaseManifest
from hub_core.stages.freeze import delivery_id, freeze
from hub_core.store import tables
from hub_core.store.releases import Release, Releases
from hub_core.store.store import Store

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def release_manifest(version: int = 1, **more: Any) -> ReleaseManifest:
    usual: dict[str, Any] = {
        "dataflow": "TELECOM",
        "calendar": "S",
        "period": "2025-Q1",
        "version": version,
        "reason": "initial",
        "reporters": [],
        "submissions": [],
        "coverage": {},
        "catalogue": "0" * 64,
        "figures": 0,
        "figures_digest": f"{version:064x}",
        "previous": None,
        "now": NOW,
    }
    return ReleaseManifest.model_validate(usual | more)


def figure(indicator: str, value: str | None, **more: Any) -> dict[str, Any]:
    return {
        "indicator": indicator,
        "org_unit": "vn",
        "period": "2025-Q1",
        "calendar": "S",
        "measure": "actual",
        "dims": "",
        "value": None if value is None else Decimal(value),
        "status": "A" if value is not None else "M",
        "covered": None,
        "expected": None,
        "method": "reported",
    } | more


def frozen(
    store: Store, manifest: ReleaseManifest, rows: list[dict[str, Any]], recipients: list[str]
) -> Release:
    table = (
        pl.DataFrame(rows, schema_overrides={"value": pl.Decimal(38, 6)})
        if rows
        else pl.DataFrame()
    )
    return freeze(Releases(store), manifest, table, recipients, NOW)


def test_a_release_is_frozen_with_its_figures_and_deliveries(store: Store) -> None:
    rows = [
        figure("VT.2", "2.5"),
        figure("VT.10", "-0.000001"),
        figure("Đ", None),
        figure("VT.1", "9" * 26 + ".999999"),
    ]
    made = frozen(store, release_manifest(), rows, ["G06", "G12"])
    assert (made.name, made.state, made.frozen_at) == ("TELECOM/2025-Q1/v1", "frozen", NOW)
    assert made.manifest == release_manifest()
    figures = Releases(store).figures(made.id)
    assert [(row["indicator"], row["value"]) for row in figures] == [
        ("VT.1", Decimal("9" * 26 + ".999999")),
        ("VT.10", Decimal("-0.000001")),
        ("VT.2", Decimal("2.5")),
        ("Đ", None),
    ]
    deliveries = Releases(store).deliveries()
    assert [(each["recipient"], each["state"], each["attempts"]) for each in deliveries] == [
        ("G06", "queued", 0),
        ("G12", "queued", 0),
    ]
    assert deliveries[0]["id"] == delivery_id("G06", made.manifest_digest)


def test_the_next_version_supersedes_the_one_before(store: Store) -> None:
    frozen(store, release_manifest(1), [figure("A", "1")], [])
    frozen(store, release_manifest(1, period="2025-Q2"), [], [])
    frozen(store, release_manifest(2, reason="correction"), [figure("A", "2")], [])
    releases = Releases(store)
    assert [(each.name, each.state) for each in releases.all()] == [
        ("TELECOM/2025-Q1/v1", "superseded"),
        ("TELECOM/2025-Q1/v2", "frozen"),
        ("TELECOM/2025-Q2/v1", "frozen"),
    ]
    latest = releases.latest("TELECOM", "S", "2025-Q1")
    assert latest is not None
    assert latest.version == 2
    assert releases.latest("TELECOM", "A", "2025-Q1") is None
    assert [row["value"] for row in releases.figures(latest.id)] == [2]


@pytest.mark.parametrize("version", [1, 3])
def test_a_version_that_does_not_follow_is_refused(store: Store, version: int) -> None:
    frozen(store, release_manifest(1), [], [])
    with pytest.raises(StateError, match="version 1 is there already"):
        frozen(store, release_manifest(version, reason="late"), [], [])
    assert [each.state for each in Releases(store).all()] == ["frozen"]


@pytest.mark.parametrize("broken", ["figures", "deliveries"])
def test_freezing_is_one_transaction(store: Store, broken: str) -> None:
    frozen(store, release_manifest(1), [figure("A", "1")], ["G06"])
    rows = [figure("A", "2")] * (2 if broken == "figures" else 1)
    recipients = ["G06"] * (2 if broken == "deliveries" else 1)
    with pytest.raises(StoreError):
        frozen(store, release_manifest(2), rows, recipients)
    releases = Releases(store)
    assert [(each.version, each.state) for each in releases.all()] == [(1, "frozen")]
    assert len(releases.deliveries()) == 1
    with store.read() as connection:
        assert (
            connection.execute(sa.select(sa.func.count()).select_from(tables.figure)).scalar() == 1
        )


def test_a_release_is_found_by_name_or_number(store: Store) -> None:
    one = frozen(store, release_manifest(1), [], [])
    two = frozen(store, release_manifest(2), [], [])
    releases = Releases(store)
    assert releases.named("TELECOM/2025-Q1") == two
    assert releases.named("TELECOM/2025-Q1/v1").id == releases.named(str(one.id)).id == one.id
    for name in ("TELECOM", "TELECOM/2025-Q9", "TELECOM/2025-Q1/v3", "999", "", "x/y"):
        with pytest.raises(StateError, match=r"TELECOM/2025-Q1/v1, TELECOM/2025-Q1/v2"):
            releases.named(name)


def test_a_delivery_goes_from_queued_by_sent_to_its_receipt(store: Store) -> None:
    made = frozen(store, release_manifest(), [], ["G06"])
    releases = Releases(store)
    [delivery] = releases.outbox()
    releases.attempt(delivery["id"], NOW, lambda _: None)
    releases.failed(delivery["id"], {"error": "DeliveryUnavailable"})
    releases.attempt(delivery["id"], NOW, lambda _: None)
    [sent] = releases.outbox()
    assert (sent["state"], sent["attempts"], sent["error"], sent["sent_at"]) == (
        "sent",
        2,
        None,
        NOW,
    )
    receipt = Receipt(
        delivery=delivery["id"], state="accepted with remarks", reference="TN-1", message="đã nhận"
    )
    finding = {
        "submission_id": None,
        "release_id": made.id,
        "code": "MINISTRY",
        "severity": "error",
        "owner": "ministry",
        "vi": "Bộ không nhận",
        "en": "The ministry does not take it",
        "province": "nghe_an",
        "rows": 1,
        "text": "sai",
        "place": {"indicator": "A"},
        "found_at": NOW,
    }
    releases.received(receipt, [finding], NOW)
    assert releases.outbox() == []
    assert [each["answer"]["message"] for each in releases.receipts(delivery["id"])] == ["đã nhận"]
    assert [each["text"] for each in store.findings(release_id=made.id)] == ["sai"]


def test_a_delivery_without_a_receipt_stays_in_the_outbox_with_its_reason(store: Store) -> None:
    frozen(store, release_manifest(), [], ["G06"])
    releases = Releases(store)
    releases.failed(releases.outbox()[0]["id"], {"error": "DeliveryRefused"})
    assert [(each["state"], each["error"]) for each in releases.outbox()] == [
        ("queued", {"error": "DeliveryRefused"})
    ]


def test_a_receipt_of_no_delivery_is_refused(store: Store) -> None:
    with pytest.raises(StoreError):
        Releases(store).received(Receipt(delivery="0" * 64, state="received"), [], NOW)
