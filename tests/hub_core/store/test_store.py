from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub_core.errors import StateError, StoreError
from hub_core.landing.layout import MANIFEST, read_manifest
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Manifest, Receipt, ReleaseManifest
from hub_core.stages.admit import Admitted, admit
from hub_core.stages.freeze import delivery_id, freeze
from hub_core.store import tables
from hub_core.store.connection import HEAD, connect, make_tables, migrate
from hub_core.store.releases import Release, Releases
from hub_core.store.revisions import Submission, current
from hub_core.store.runs import Runs
from hub_core.store.store import Store

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
HANOI = timezone(timedelta(hours=7))
BLOCKED = [{"code": "V016", "severity": "blocking", "rows": 3}]
START = date(2025, 1, 1)
ON_ONE = pytest.mark.parametrize(
    "databases", ["sqlite"], indirect=True
)  # what the database has no part in


@pytest.fixture
def store(prepared: str) -> Iterator[Store]:
    made = Store(prepared)
    yield made
    made.close()


class Admission:
    """Submissions sealed in one folder after another, and admitted."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        seal: Callable[..., Manifest],
        figures: Callable[..., pl.DataFrame],
    ) -> None:
        self.store, self.folder, self._seal, self._figures = store, folder, seal, figures
        self.zone = LandingZone(folder / "landing")

    def __call__(self, value: str, sequence: int = 1, replay: int = 0, **more: Any) -> Admitted:
        reason = more.pop("why", "initial")
        start = more.get("origin_start", START)
        told = {"gather": f"{start:%Y%m%d}-{sequence:08d}", "sequence": sequence, "replay": replay}
        place = self.folder / f"{more.get('provision', 'telecom')}-{told['gather']}-{replay}"
        manifest = self._seal(place, self._figures(value), **told, **more)
        return admit(
            self.store, self.zone, place, manifest, reason, NOW + timedelta(seconds=sequence)
        )

    @property
    def current(self) -> Submission | None:
        return current(self.store.submissions(provision="telecom"))

    @property
    def standing(self) -> tuple[int, int] | None:
        """Sequence and replay of what is current."""
        return (self.current.sequence, self.current.replay) if self.current else None

    def accept(self, sequence: int) -> None:
        [held] = [each for each in self.store.submissions() if each.sequence == sequence]
        self.store.accept(held.id, "đã hỏi lại", NOW)


@pytest.fixture
def admission(
    store: Store,
    tmp_path: Path,
    sealed: Callable[..., Manifest],
    figures: Callable[..., pl.DataFrame],
) -> Admission:
    return Admission(store, tmp_path, sealed, figures)


# Revisions


def test_the_first_submission_is_revision_one_and_current(admission: Admission) -> None:
    assert admission("1").revision == 1
    [found] = admission.store.submissions()
    assert (found.province, found.provision, found.period, found.calendar) == (
        "nghe_an",
        "telecom",
        "2025-Q1",
        "S",
    )
    assert (found.reason, found.held, found.kind, found.nil) == ("initial", False, "figures", False)
    assert found.admitted_at == NOW + timedelta(seconds=1)
    assert read_manifest(admission.zone.root / found.path).digests.content == found.content_digest
    assert admission.standing == (1, 0)


def test_a_correction_is_a_new_revision(admission: Admission) -> None:
    admission("1")
    assert admission("2", 2, why="correction").revision == 2
    assert admission.standing == (2, 0)
    assert admission("1", 3).revision == 3
    assert admission.standing == (3, 0)


def test_what_says_nothing_new_is_no_revision_and_leaves_nothing(admission: Admission) -> None:
    admission("1")
    told = admission("1", 2)
    assert (told.revision, told.held) == (None, False)
    assert [each.sequence for each in admission.store.submissions()] == [1]
    assert len(list(admission.zone.root.rglob(MANIFEST))) == 1


def test_another_quarantine_alone_is_a_new_revision(admission: Admission) -> None:
    admission("1")
    assert admission("1", 2, digests={"quarantine": "1" * 64}).revision == 2


def test_a_nil_return_is_not_the_same_as_no_figures(admission: Admission) -> None:
    admission("1")
    assert admission("1", 2, nil=True, kind="nil").revision == 2


def test_a_gather_is_admitted_once(admission: Admission) -> None:
    admission("1")
    with pytest.raises(StateError, match="was admitted before"):
        admission("2")


def test_provisions_periods_and_calendars_count_their_own_revisions(admission: Admission) -> None:
    admission("1")
    assert admission("1", 2, provision="other").revision == 1
    assert admission("1", 3, period="2025-Q2").revision == 1
    assert admission("1", 4, calendar="A").revision == 1


# Currency


@ON_ONE
def test_a_late_replay_of_a_superseded_landing_is_recorded_and_not_current(
    admission: Admission,
) -> None:
    admission("1", 1)
    admission("2", 2)
    assert admission("3", 1, replay=1).revision == 3
    assert admission.standing == (2, 0)


@ON_ONE
def test_a_replay_of_the_current_landing_is_current(admission: Admission) -> None:
    admission("1", 1)
    admission("2", 1, replay=1)
    admission("3", 1, replay=2)
    assert admission.standing == (1, 2)


@ON_ONE
def test_a_late_stick_is_recorded_and_not_current(admission: Admission) -> None:
    admission("2", 2)
    assert admission("1", 1).revision == 2
    assert admission.standing == (2, 0)


@ON_ONE
def test_a_new_origin_counts_before_every_sequence_of_the_old_one(admission: Admission) -> None:
    admission("1", 900)
    admission("2", 1, origin_start=date(2026, 1, 1))
    assert admission.current is not None
    assert admission.current.origin_start == date(2026, 1, 1)


@ON_ONE
def test_the_order_of_gather_ids_as_texts_is_the_order_of_currency(admission: Admission) -> None:
    admission("1", 2)
    admission("2", 10)
    admission("3", 1, origin_start=date(2026, 1, 1))
    found = sorted(admission.store.submissions(), key=lambda each: each.currency)
    assert [each.gather for each in found] == sorted(each.gather for each in found)


@ON_ONE
def test_held_is_numbered_visible_and_not_current(admission: Admission) -> None:
    admission("1", 1)
    told = admission("2", 2, findings=BLOCKED)
    assert (told.revision, told.held) == (2, True)
    assert admission.standing == (1, 0)
    assert [each.blocked for each in admission.store.submissions()] == [[], ["V016"]]


@ON_ONE
def test_the_same_as_what_is_held_above_is_nothing_new(admission: Admission) -> None:
    admission("1", 1)
    admission("2", 2, findings=BLOCKED)
    assert admission("2", 3, findings=BLOCKED).revision is None
    assert admission("1", 4).revision is None


@ON_ONE
def test_the_same_as_what_was_held_below_the_current_one_is_new(admission: Admission) -> None:
    admission("2", 1, findings=BLOCKED)
    admission("1", 2)
    assert admission("2", 3, findings=BLOCKED).revision == 3


def test_an_accepted_submission_is_current(admission: Admission) -> None:
    admission("1", 1)
    admission("2", 2, findings=BLOCKED)
    admission.accept(2)
    assert admission.standing == (2, 0)
    assert admission.current is not None
    assert (admission.current.accepted_reason, admission.current.accepted_at) == ("đã hỏi lại", NOW)


@ON_ONE
def test_accepting_what_was_overtaken_does_not_make_it_current(admission: Admission) -> None:
    admission("2", 1, findings=BLOCKED)
    admission("1", 2)
    admission.accept(1)
    assert admission.standing == (2, 0)


@ON_ONE
def test_only_what_is_held_can_be_accepted_and_once(admission: Admission) -> None:
    admission("1", 1)
    with pytest.raises(StateError, match="is not held"):
        admission.accept(1)
    admission("2", 2, findings=BLOCKED)
    admission.accept(2)
    with pytest.raises(StateError, match="is not held"):
        admission.accept(2)
    with pytest.raises(StateError, match="is not held"):
        admission.store.accept(999, "", NOW)


@ON_ONE
def test_a_withdrawal_leaves_nothing_current(admission: Admission) -> None:
    admission("1", 1)
    admission("2", 2, kind="withdrawal")
    assert admission.current is None
    assert admission.store.currents("TELECOM", "S", ["2025-Q1"]) == []
    assert admission("1", 3).revision == 3
    assert admission.standing == (3, 0)


@ON_ONE
def test_a_held_withdrawal_leaves_the_current_one_standing(admission: Admission) -> None:
    admission("1", 1)
    admission("2", 2, kind="withdrawal", findings=BLOCKED)
    assert admission.standing == (1, 0)


@ON_ONE
def test_a_late_replay_does_not_undo_a_withdrawal(admission: Admission) -> None:
    admission("1", 1)
    admission("2", 2, kind="withdrawal")
    admission("3", 1, replay=1)
    assert admission.current is None


def test_currents_are_one_a_provision_and_period(admission: Admission) -> None:
    admission("1", 1)
    admission("2", 2)
    admission("1", 3, provision="other")
    admission("1", 4, period="2025-Q2")
    admission("1", 5, calendar="A")
    found = admission.store.currents("TELECOM", "S", ["2025-Q1", "2025-Q2"])
    assert [(each.provision, each.period, each.sequence) for each in found] == [
        ("other", "2025-Q1", 3),
        ("telecom", "2025-Q1", 2),
        ("telecom", "2025-Q2", 4),
    ]
    assert admission.store.periods("TELECOM", "A") == ["2025-Q1"]


@st.composite
def histories(draw: st.DrawFn) -> list[Submission]:
    places = draw(
        st.lists(
            st.tuples(st.integers(0, 1), st.integers(1, 4), st.integers(0, 2)),
            min_size=1,
            max_size=8,
            unique=True,
        )
    )
    made = []
    for n, (origin, sequence, replay) in enumerate(places):
        blocked = draw(st.booleans())
        fixed: dict[str, Any] = dict.fromkeys(Submission.__dataclass_fields__)
        told = {
            "id": n,
            "origin_start": date(2025 + origin, 1, 1),
            "sequence": sequence,
            "replay": replay,
            "kind": draw(st.sampled_from(["figures", "figures", "nil", "withdrawal"])),
            "blocked": ["V016"] if blocked else [],
            "accepted_at": NOW if blocked and draw(st.booleans()) else None,
        }
        made.append(Submission(**fixed | told))
    return made


@given(histories(), st.randoms(use_true_random=False))
def test_current_is_the_highest_that_is_not_held_whatever_the_order(
    history: list[Submission], chance: Any
) -> None:
    expected = None
    for each in sorted(history, key=lambda s: (s.origin_start.year, s.sequence, s.replay)):
        if not each.blocked or each.accepted_at:
            expected = None if each.kind == "withdrawal" else each
    chance.shuffle(history)
    assert current(history) == expected


# Runs, gathers, findings


def test_gathers_are_numbered_one_after_another(store: Store) -> None:
    assert store.new_gather("nghe_an", "telecom", START) == ("20250101-00000001", 1)
    assert store.new_gather("ha_tinh", "telecom", START) == ("20250101-00000002", 2)
    assert store.new_gather("nghe_an", "telecom", date(2026, 2, 3)) == ("20260203-00000003", 3)


def test_replays_keep_their_gathers_sequence_and_are_numbered(store: Store) -> None:
    store.new_gather("x", "y", START)
    gather, sequence = store.new_gather("nghe_an", "telecom", START)
    assert [store.new_replay(gather), store.new_replay(gather)] == [(sequence, 1), (sequence, 2)]
    with pytest.raises(StateError, match="20250101-00000009"):
        store.new_replay("20250101-00000009")


def test_a_run_is_told_as_it_began_and_ended(store: Store) -> None:
    run = Runs(store).begin(
        "gather", "TELECOM", ["2025-Q1"], NOW, province="nghe_an", provision="telecom", gather="g"
    )
    error: dict[str, object] = {"error": "SourceChanged", "message": "cột lạ", "place": {"row": 3}}
    Runs(store).end(
        run, "failed", NOW.astimezone(HANOI), counts={"rows": 5}, notes=["ồn"], error=error
    )
    [told] = Runs(store).all()
    assert (told["outcome"], told["counts"], told["notes"], told["error"]) == (
        "failed",
        {"rows": 5},
        ["ồn"],
        error,
    )
    assert told["started_at"] == told["ended_at"] == NOW
    assert told["periods"] == ["2025-Q1"]


def test_the_last_gather_is_the_last_that_went_well_and_no_replay(store: Store) -> None:
    def run(kind: str, provision: str, gather: str, outcome: str) -> None:
        place = {"province": "nghe_an", "provision": provision, "gather": gather}
        Runs(store).end(Runs(store).begin(kind, "TELECOM", ["2025-Q1"], NOW, **place), outcome, NOW)

    assert Runs(store).last_gather("nghe_an", "telecom") is None
    run("gather", "telecom", "1", "failed")
    assert Runs(store).last_gather("nghe_an", "telecom") is None
    for gather, outcome in enumerate(("done", "unchanged", "no data", "held"), 2):
        run("gather", "telecom", str(gather), outcome)
        assert Runs(store).last_gather("nghe_an", "telecom") == str(gather)
    for gather, outcome in enumerate(("failed", "interrupted", "running"), 6):
        run("gather", "telecom", str(gather), outcome)
    run("replay", "telecom", "3", "done")
    run("gather", "post", "9", "done")
    assert Runs(store).last_gather("nghe_an", "telecom") == "5"


def test_runs_of_a_hub_that_is_no_more_are_interrupted(store: Store) -> None:
    done = Runs(store).begin("publish", "TELECOM", [], NOW)
    Runs(store).end(done, "done", NOW)
    Runs(store).begin("gather", "TELECOM", [], NOW)
    assert Runs(store).interrupt(NOW) == 1
    assert Runs(store).interrupt(NOW) == 0
    assert [run["outcome"] for run in Runs(store).all()] == ["interrupted", "done"]


def test_findings_stand_beside_their_revision(admission: Admission) -> None:
    found = [
        {
            "code": "V002",
            "severity": "error",
            "rows": 2,
            "text": "không rõ",
            "part": 0,
            "row": 7,
            "column": "gt",
        }
    ]
    admission("1", 1, findings=found)
    [told] = admission.store.findings(province="nghe_an")
    assert (told["code"], told["rows"], told["text"], told["period"]) == (
        "V002",
        2,
        "không rõ",
        "2025-Q1",
    )
    assert told["place"] == {"part": 0, "row": 7, "column": "gt"}
    assert admission.store.findings(province="ha_tinh") == []
    assert admission.store.findings(period="2025-Q2") == []


def test_a_catalogue_is_noted_once(store: Store) -> None:
    store.note_catalogue("a" * 64, NOW)
    store.note_catalogue("a" * 64, NOW + timedelta(days=1))
    with store.read() as connection:
        assert connection.execute(sa.select(tables.catalogue)).all() == [("a" * 64, NOW)]


def test_a_revision_and_its_findings_enter_together_or_not_at_all(admission: Admission) -> None:
    found = [
        {"code": "V002", "severity": "error", "rows": 2**70}
    ]  # no database has so large a number
    with pytest.raises((StoreError, OverflowError)):
        admission("1", 1, findings=found)
    assert admission.store.submissions() == []


# Releases


def release_manifest(version: int = 1, **more: Any) -> ReleaseManifest:
    told: dict[str, Any] = {
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
    return ReleaseManifest.model_validate(told | more)


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
    told = Releases(store).figures(made.id)
    assert [(row["indicator"], row["value"]) for row in told] == [
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


# Types


YEARS = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - bounds take no time zone


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    st.lists(st.none() | st.decimals(-(10**26) + 1, 10**26 - 1, places=6), min_size=1, max_size=10),
    st.datetimes(*YEARS, timezones=st.sampled_from([UTC, HANOI])),
)
def test_decimals_and_moments_come_back_as_they_went(
    store: Store, values: list[Decimal | None], moment: datetime
) -> None:
    columns = [
        sa.Column("n", sa.Integer),
        sa.Column("value", tables.Exact),
        sa.Column("at", tables.Instant),
    ]
    table = sa.Table("told", sa.MetaData(), *columns)
    with store.engine.connect() as connection, connection.begin() as changes:
        table.create(connection)
        rows = [{"n": n, "value": each, "at": moment} for n, each in enumerate(values)]
        connection.execute(table.insert(), rows)
        told = connection.execute(sa.select(table.c.value, table.c.at).order_by(table.c.n)).all()
        changes.rollback()
    assert [each.value for each in told] == values
    assert {each.at for each in told} == {moment}
    assert all(each.at.tzinfo is not None for each in told)


@pytest.mark.parametrize(
    "value", ["0.1", "-0.000001", "1E+5", "1e-6", "0", "99999999999999999999999999.999999"]
)
def test_a_figure_is_kept_exactly(store: Store, value: str) -> None:
    made = frozen(store, release_manifest(), [figure("A", value)], [])
    assert [row["value"] for row in Releases(store).figures(made.id)] == [Decimal(value)]


def test_a_moment_without_its_time_zone_is_refused(store: Store) -> None:
    with pytest.raises((ValueError, sa.exc.StatementError), match="time zone"):
        Runs(store).begin("gather", "TELECOM", [], NOW.replace(tzinfo=None))


# Versions


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(store: Store) -> None:
    with store.engine.begin() as connection:
        tables.metadata.drop_all(connection)
        connection.exec_driver_sql("drop table alembic_version")
    migrate(store.engine, None)
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, tables.metadata) == []
        assert context.get_current_revision() == HEAD


def test_a_new_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    made = connect(f"sqlite:///{tmp_path / 'made.db'}")
    sqlite3.connect(tmp_path / "migrated.db").close()
    migrated = sa.create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    migrate(migrated, None)
    for engine in (made, migrated):
        with engine.connect() as connection:
            context = MigrationContext.configure(connection)
            assert compare_metadata(context, tables.metadata) == []
            assert context.get_current_revision() == HEAD
        engine.dispose()


def test_two_hubs_may_make_one_database(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'hub.db'}")
    make_tables(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select version_num from alembic_version").all() == [
            (HEAD,)
        ]
    engine.dispose()


def test_opening_again_keeps_everything(database: str) -> None:
    for expected in (1, 2):
        store = Store(database)
        assert store.new_gather("nghe_an", "telecom", START)[1] == expected
        store.close()


def test_a_newer_database_is_refused(database: str) -> None:
    store = Store(database)
    with store.write() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    store.close()
    with pytest.raises(StoreError, match="version 9999, newer than this hub"):
        Store(database)
    gc.collect()  # what the failed opening left open is told here


def test_what_is_no_database_is_a_matter_of_the_operator(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(StoreError, match=r"hub\.db"):
        Store(f"sqlite:///{tmp_path}/hub.db")


def test_a_failed_write_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError, match="in the middle"), store.write() as connection:  # noqa: PT012
        connection.execute(tables.catalogue.insert().values(digest="a", first_used=NOW))
        raise RuntimeError("in the middle")
    with store.read() as connection:
        assert connection.execute(sa.select(tables.catalogue)).all() == []


def test_a_reader_is_not_kept_waiting_by_a_writer(store: Store) -> None:
    with store.write() as writing:
        writing.execute(tables.catalogue.insert().values(digest="a", first_used=NOW))
        with store.read() as connection:
            assert connection.execute(sa.select(tables.catalogue)).all() == []
