"""A quarter of nights on a clock that the test holds: 34 provinces, some late, some silent, and a hub that was away."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from hub_core.engine import InlineEngine
from hub_core.home import Hub
from hub_core.model.period import Period
from hub_core.obligations import ZONE, due
from hub_core.pipeline.backfill import backfill
from hub_core.pipeline.deliver import deliver_all
from hub_core.pipeline.night import again, scheduled
from hub_core.scheduler import Journey
from hub_core.serving import Serving
from hub_core.store.nights import Nights
from tests.journeys.conftest import put_package

ROOT = Path(__file__).parents[2]
FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
AWAY = [  # the hub is off from one moment to the other
    (datetime(2026, 1, 4, 12, tzinfo=ZONE), datetime(2026, 1, 8, 9, tzinfo=ZONE)),
    (datetime(2026, 2, 5, 12, tzinfo=ZONE), datetime(2026, 2, 6, 2, 30, tzinfo=ZONE)),
    (datetime(2026, 2, 27, 1, tzinfo=ZONE), datetime(2026, 3, 2, 23, tzinfo=ZONE)),
]
MONTHS = {  # each month's first day after it, and the day on which it is due: the fifth, by the working calendar
    "2025-M12": (date(2026, 1, 1), date(2026, 1, 5)),
    "2026-M01": (date(2026, 2, 1), date(2026, 2, 5)),
    "2026-M02": (date(2026, 3, 1), date(2026, 3, 5)),
}
LOOKS = [time(2, 0), time(2, 12), time(2, 45), time(4, 30), time(12, 0)]
RULES = {1: "run_each", 2: "run_latest", 3: "skip"}  # the operator has another one each month


@dataclass
class Told:
    """What the test decides of a province: for each month when it comes (never where None), and whether it is nil."""

    name: str
    unit: str
    comes: dict[str, datetime | None]
    nil: set[str]
    down: list[tuple[datetime, datetime]] = field(default_factory=list)


def provinces() -> list[tuple[str, str]]:
    """(package, org unit) of the provinces of 2026."""
    import csv

    with (ROOT / "config/catalogue/org_units.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    units = [r["id"] for r in rows if r["level"] == "province" and not r["valid_to"]]
    return [(unit.removeprefix("vn-").replace("-", "_"), unit) for unit in units]


def story() -> list[Told]:
    """What happens in the quarter; the same each time."""
    chance, told = random.Random(20260101), []
    for name, unit in provinces():
        comes: dict[str, datetime | None] = {}
        nil = set()
        for month, (begins, is_due) in MONTHS.items():
            fate = chance.choice(["early", "early", "early", "edge", "late", "very late", "never"])
            at = datetime.combine(begins, time(8), ZONE) + timedelta(hours=chance.randrange(0, 60))
            if fate == "edge":  # around the deadline, before and after the night that still counts
                at = datetime.combine(is_due, time(), ZONE) + timedelta(hours=chance.choice([20, 25, 27, 31]))
            elif fate == "late":
                at = datetime.combine(is_due, time(), ZONE) + timedelta(days=chance.randrange(2, 15))
            elif fate == "very late":  # when no night asks for it any more
                at = datetime.combine(begins, time(), ZONE) + timedelta(days=chance.randrange(35, 50))
            comes[month] = None if fate == "never" else at
            if chance.random() < 0.15:
                nil.add(month)
        down = []
        if chance.random() < 0.3:  # the department's share is not there for a while
            start = datetime.combine(FIRST, time(1), ZONE) + timedelta(days=chance.randrange(0, 80))
            down = [(start, start + timedelta(minutes=chance.choice([70, 100, 2000])))]
        told.append(Told(name, unit, comes, nil, down))
    return told


STORY = story()


def test_the_story_has_everything_in_it() -> None:
    assert len(STORY) == 34
    fates = Counter(each.comes[month] is None for each in STORY for month in MONTHS)
    assert min(fates.values()) >= 5
    assert sum(len(each.nil) for each in STORY) >= 5
    assert sum(bool(each.down) for each in STORY) >= 5


# An independent calculation, of dates alone


def nights_of() -> list[tuple[date, datetime]]:
    """(business date, when it runs) of every night that is run, by the rule for missed ones at the hub's return."""
    found = []
    for n in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=n)
        begins = datetime.combine(day, time(2), ZONE)
        back = next((back for start, back in AWAY if start <= begins < back), None)
        if back is None:
            found.append((day, begins))
            continue
        last = back.date() if back.time() >= time(2) else back.date() - timedelta(days=1)
        made_up_for = {
            "run_each": True,
            "run_latest": day == last,
            "skip": back - begins <= timedelta(hours=1),
        }
        if made_up_for[RULES[back.month]]:
            found.append((day, back))
    return found


def asks(told: Told) -> Iterator[tuple[datetime, date]]:
    """(moment, business date) at which a province is reached and asked, retries with it."""
    for day, at in nights_of():
        tries = [at]
        for minutes in (10, 30, 90):  # after each try that failed, at the next look
            looks = [datetime.combine(at.date() + timedelta(days=k), look, ZONE) for k in (0, 1) for look in LOOKS]
            nexts = [look for look in looks if look >= tries[-1] + timedelta(minutes=minutes)]
            tries.append(nexts[0])
        for moment in tries:
            if any(start <= moment < back for start, back in AWAY):
                break
            if not any(start <= moment < end for start, end in told.down):
                yield moment, (day if moment == at else moment.date())
                break


def right(told: Told, month: str) -> str:
    """What becomes of an obligation."""
    begins, is_due = MONTHS[month]
    after = (begins.replace(day=28) + timedelta(days=5)).replace(day=1)  # from then on the next month is asked for
    comes = told.comes[month]
    seen = [at for at, day in asks(told) if begins <= day < after and comes is not None and comes <= at]
    if not seen:
        return "missing"
    if month in told.nil:
        return "nil"
    over = datetime.combine(is_due, time(), ZONE) + timedelta(days=1, hours=6)
    return "met" if min(seen) < over else "late"


# The hub


def make_home(home: Path) -> None:
    shutil.copytree(ROOT / "config", home / "config")
    for name in ("obligations", "deliveries"):
        shutil.rmtree(home / "config" / name)
        (home / "config" / name).mkdir()
    toml = home / "config" / "hub.toml"
    text = toml.read_text(encoding="utf-8").replace("folders = []", 'folders = ["packages"]')
    toml.write_text(text, encoding="utf-8")
    duties = ""
    for told in STORY:
        provider = f"{told.name.upper()}.SKHCN"
        share = home / "shares" / told.name
        share.mkdir(parents=True)
        declared = PROVISION.format(provider=provider, share=share, unit=told.unit)
        put_package(home / "packages", told.name, provider, {"telecom.toml": declared})
        duties += f'[[obligation]]\ndataflow = "TELECOM"\nprovider = "{provider}"\nprovince = "{told.name}"\n'
        duties += f'speaks_for = ["{told.unit}"]\nfrequencies = ["M"]\ndue = {{ M = "+5 days" }}\nlegal = "none"\n\n'
    (home / "config" / "obligations" / "all.toml").write_text(duties, encoding="utf-8")


PROVISION = """
dataflow = "TELECOM"
provider = "{provider}"

[source]
kind    = "folder"
path    = "{share}"
pattern = "{{period}}.csv"

[reader]
kind = "csv"

[map]
org_unit  = {{ fixed = "{unit}" }}
period    = {{ column = "ky" }}
indicator = {{ column = "ma", codes = {{ VT01 = "VT.03" }} }}
value     = {{ column = "gia_tri", number = "en" }}
status    = {{ fixed = "A" }}

[nil]
column = "ma"
is     = "KHONG"
"""


@pytest.mark.slow
def test_every_obligation_ends_as_it_must(tmp_path: Path) -> None:
    make_home(tmp_path)
    toml = tmp_path / "config" / "hub.toml"
    settings = toml.read_text(encoding="utf-8")
    hub, at = Hub.open(tmp_path, InlineEngine()), [datetime.combine(FIRST, time(), ZONE)]
    assert hub.broken == {}

    def go(journey: Journey) -> int:
        now = at[0]
        with hub.alone(now):
            match journey.kind:
                case "night":
                    scheduled(hub, journey.day, now, lambda *_: None)
                case "again":
                    again(hub, journey.provisions, now, lambda *_: None)
                case _:
                    deliver_all(hub, now)
        return 0

    serving = Serving(tmp_path, lambda: at[0], lambda _: None, go)
    moments = {datetime.combine(FIRST + timedelta(days=n), look, ZONE) for n in range(90) for look in LOOKS}
    moments = {each for each in moments if not any(start <= each < back for start, back in AWAY)}
    for moment in sorted(moments | {back for _, back in AWAY}):
        at[0] = moment
        toml.write_text(f'{settings}\n[schedule]\nmissed = "{RULES[moment.month]}"\n', encoding="utf-8")
        happens(tmp_path, moment)
        serving.turn()

    end = datetime(2026, 3, 31, 23, tzinfo=ZONE)
    found = states(hub, end)
    assert found == {(told.name, month): right(told, month) for told in STORY for month in MONTHS}
    assert {"met", "late", "nil", "missing"} <= set(found.values())
    nights = {each.business_date: each.state for each in Nights(hub.store).all()}
    assert len(nights) == (LAST - FIRST).days + 1
    assert {day for day, state in nights.items() if state == "done"} == {day for day, _ in nights_of()}

    # what came when no night asked any more is there after a backfill, and late
    happens(tmp_path, end)
    for n in range(2):
        with hub.alone(end):
            filled = backfill(
                hub, Period(2025, "M", 12), Period(2026, "M", 2), end, lambda *_: None, None, release=True
            )
        asked = sum(each.outcome != "no data" for each in filled.gathers)
        assert asked == (0 if n else sum(state == "missing" and came(key, end) for key, state in found.items()))
    after = {key: filled_state(key) if state == "missing" and came(key, end) else state for key, state in found.items()}
    assert states(hub, end) == after
    assert after != found
    hub.close()
    serving.store.close()


def came(key: tuple[str, str], by: datetime) -> bool:
    at = next(each.comes[key[1]] for each in STORY if each.name == key[0])
    return at is not None and at <= by


def filled_state(key: tuple[str, str]) -> str:
    return "nil" if any(key[1] in each.nil for each in STORY if each.name == key[0]) else "late"


def happens(home: Path, now: datetime) -> None:
    """The shares of all provinces as they are at a moment."""
    for told in STORY:
        share = home / "shares" / told.name
        if any(start <= now < end for start, end in told.down):
            shutil.rmtree(share, ignore_errors=True)
            continue
        share.mkdir(exist_ok=True)
        for month, comes in told.comes.items():
            file = share / f"{month}.csv"
            if comes is not None and comes <= now and not file.exists():
                row = f"{month},KHONG,\n" if month in told.nil else f"{month},VT01,{1000 + len(told.name)}\n"
                file.write_text("ky,ma,gia_tri\n" + row, encoding="utf-8")


def states(hub: Hub, now: datetime) -> dict[tuple[str, str], str]:
    """What became of every obligation."""
    found = {}
    for month in MONTHS:
        submissions = hub.store.submissions(dataflow="TELECOM", period=month)
        for each in due(hub.config, "TELECOM", Period.parse(month), submissions, now):
            found[each.obligation.province, month] = each.state
    return found
