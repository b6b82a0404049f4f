from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from hub_core.errors import StateError, StoreError
from hub_core.landing.layout import MANIFEST, read_manifest
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Manifest
from hub_core.stages.admit import Admitted, admit
from hub_core.store import tables
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
        gathered = {
            "gather": f"{start:%Y%m%d}-{sequence:08d}",
            "sequence": sequence,
            "replay": replay,
        }
        place = self.folder / f"{more.get('provision', 'telecom')}-{gathered['gather']}-{replay}"
        manifest = self._seal(place, self._figures(value), **gathered, **more)
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
    admitted = admission("1", 2)
    assert (admitted.revision, admitted.held) == (None, False)
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
    admitted = admission("2", 2, findings=BLOCKED)
    assert (admitted.revision, admitted.held) == (2, True)
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
        chosen = {
            "id": n,
            "origin_start": date(2025 + origin, 1, 1),
            "sequence": sequence,
            "replay": replay,
            "kind": draw(st.sampled_from(["figures", "figures", "nil", "withdrawal"])),
            "blocked": ["V016"] if blocked else [],
            "accepted_at": NOW if blocked and draw(st.booleans()) else None,
        }
        made.append(Submission(**fixed | chosen))
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
    [ended] = Runs(store).all()
    assert (ended["outcome"], ended["counts"], ended["notes"], ended["error"]) == (
        "failed",
        {"rows": 5},
        ["ồn"],
        error,
    )
    assert ended["started_at"] == ended["ended_at"] == NOW
    assert ended["periods"] == ["2025-Q1"]


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
    [finding] = admission.store.findings(province="nghe_an")
    assert (finding["code"], finding["rows"], finding["text"], finding["period"]) == (
        "V002",
        2,
        "không rõ",
        "2025-Q1",
    )
    assert finding["place"] == {"part": 0, "row": 7, "column": "gt"}
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
