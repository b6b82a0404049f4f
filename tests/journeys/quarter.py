"""A quarter of nights on a clock that a test holds: 34 provinces, some late, some silent, and a hub that was away.

It is lived in three parts, each in a home of its own and under another rule for nights that were
missed.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from multiprocessing import get_context
from pathlib import Path

from hub_core.engine.engine import InlineEngine
from hub_core.home import Hub
from hub_core.model.period import Period
from hub_core.obligations import ZONE, due
from hub_core.pipeline.backfill import backfill
from hub_core.pipeline.deliver import deliver_all
from hub_core.pipeline.night import again, scheduled
from hub_core.serving import Serving
from hub_core.serving.scheduler import Journey
from hub_core.store.nights import Nights
from tests.journeys.world import put_package

ROOT = Path(__file__).parents[2]
FIRST = date(2026, 1, 1)
AWAY = [  # the hub is off from one moment to the other
    (datetime(2026, 1, 4, 12, tzinfo=ZONE), datetime(2026, 1, 8, 9, tzinfo=ZONE)),
    (datetime(2026, 2, 5, 12, tzinfo=ZONE), datetime(2026, 2, 6, 2, 30, tzinfo=ZONE)),
    (datetime(2026, 2, 27, 1, tzinfo=ZONE), datetime(2026, 3, 2, 23, tzinfo=ZONE)),
]
# each month's first day after it, and the day on which it is due: the fifth, by the working
# calendar
MONTHS = {
    "2025-M12": (date(2026, 1, 1), date(2026, 1, 5)),
    "2026-M01": (date(2026, 2, 1), date(2026, 2, 5)),
    "2026-M02": (date(2026, 3, 1), date(2026, 3, 5)),
}
LOOKS = [time(2, 0), time(2, 12), time(2, 45), time(4, 30), time(12, 0)]
RULES = {1: "run_each", 2: "run_latest", 3: "skip"}  # the operator has another one each month


@dataclass(frozen=True)
class Part:
    """Some of its days, and the months whose reports are owed in them."""

    first: date
    last: date
    month: str

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]


JANUARY = Part(FIRST, date(2026, 1, 31), "2025-M12")
FEBRUARY = Part(date(2026, 2, 1), date(2026, 2, 26), "2026-M01")
MARCH = Part(date(2026, 2, 26), date(2026, 3, 31), "2026-M02")  # the hub goes away in February


@dataclass
class Fate:
    """What the test decides of a province.

    For each month when it comes (never where None), and whether it is nil.
    """

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


def story() -> list[Fate]:
    """What happens in the quarter; the same each time."""
    chance, fates = random.Random(20260101), []
    for name, unit in provinces():
        comes: dict[str, datetime | None] = {}
        nil = set()
        for month, (begins, is_due) in MONTHS.items():
            fate = chance.choice(["early", "early", "early", "edge", "late", "very late", "never"])
            at = datetime.combine(begins, time(8), ZONE) + timedelta(hours=chance.randrange(0, 60))
            if fate == "edge":  # around the deadline, before and after the night that still counts
                at = datetime.combine(is_due, time(), ZONE) + timedelta(
                    hours=chance.choice([20, 25, 27, 31])
                )
            elif fate == "late":
                at = datetime.combine(is_due, time(), ZONE) + timedelta(
                    days=chance.randrange(2, 15)
                )
            elif fate == "very late":  # when no night asks for it any more
                at = datetime.combine(begins, time(), ZONE) + timedelta(
                    days=chance.randrange(35, 50)
                )
            comes[month] = None if fate == "never" else at
            if chance.random() < 0.15:
                nil.add(month)
        down = []
        if chance.random() < 0.3:  # the department's share is not there for a while
            start = datetime.combine(FIRST, time(1), ZONE) + timedelta(days=chance.randrange(0, 80))
            down = [(start, start + timedelta(minutes=chance.choice([70, 100, 2000])))]
        fates.append(Fate(name, unit, comes, nil, down))
    return fates


STORY = story()


# An independent calculation, of dates alone


def nights_of(part: Part) -> list[tuple[date, datetime]]:
    """(business date, when it runs) of every night that is run, by the rule for missed ones at the hub's return."""
    found = []
    for day in part.days:
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


def asks(fate: Fate, part: Part) -> Iterator[tuple[datetime, date]]:
    """(moment, business date) at which a province is reached and asked, retries with it."""
    for day, at in nights_of(part):
        tries = [at]
        for minutes in (10, 30, 90):  # after each try that failed, at the next look
            looks = [
                datetime.combine(at.date() + timedelta(days=k), look, ZONE)
                for k in (0, 1)
                for look in LOOKS
            ]
            nexts = [look for look in looks if look >= tries[-1] + timedelta(minutes=minutes)]
            tries.append(nexts[0])
        for moment in tries:
            if any(start <= moment < back for start, back in AWAY):
                break
            if not any(start <= moment < end for start, end in fate.down):
                yield moment, (day if moment == at else moment.date())
                break


def right(fate: Fate, part: Part) -> str:
    """What becomes of an obligation."""
    month = part.month
    begins, is_due = MONTHS[month]
    after = (begins.replace(day=28) + timedelta(days=5)).replace(
        day=1
    )  # from then on the next month is asked for
    comes = fate.comes[month]
    seen = [
        at
        for at, day in asks(fate, part)
        if begins <= day < after and comes is not None and comes <= at
    ]
    if not seen:
        return "missing"
    if month in fate.nil:
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
    for fate in STORY:
        provider = f"{fate.name.upper()}.SKHCN"
        share = home / "shares" / fate.name
        share.mkdir(parents=True)
        declared = PROVISION.format(provider=provider, share=share, unit=fate.unit)
        put_package(home / "packages", fate.name, provider, {"telecom.toml": declared})
        duties += f'[[obligation]]\ndataflow = "TELECOM"\nprovider = "{provider}"\nprovince = "{fate.name}"\n'
        duties += f'speaks_for = ["{fate.unit}"]\nfrequencies = ["M"]\ndue = {{ M = "+5 days" }}\nlegal = "none"\n\n'
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


@dataclass
class Lived:
    """What became of a part.

    Of each obligation in the end and by calculation, and of the nights.
    """

    found: dict[str, str]
    right: dict[str, str]
    nights: dict[date, str]
    asked: list[int]  # provisions that answered to a backfill, and to the same once more
    after: dict[str, str]  # what had become of each obligation then


def lived(home: Path, part: Part) -> Lived:
    """Live through a part, in a process of its own.

    Packages that were loaded for one stay loaded.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        return alone.submit(_lived, home, part).result()


def _lived(home: Path, part: Part) -> Lived:
    make_home(home)
    toml = home / "config" / "hub.toml"
    settings = toml.read_text(encoding="utf-8")
    hub, at = Hub.open(home, InlineEngine()), [datetime.combine(part.first, time(), ZONE)]
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

    serving = Serving(home, lambda: at[0], lambda _: None, go)
    moments = {datetime.combine(day, look, ZONE) for day in part.days for look in LOOKS}
    moments = {each for each in moments if not any(start <= each < back for start, back in AWAY)}
    returns = {back for _, back in AWAY if part.first <= back.date() <= part.last}
    for moment in sorted(moments | returns):
        at[0] = moment
        toml.write_text(
            f'{settings}\n[schedule]\nmissed = "{RULES[moment.month]}"\n', encoding="utf-8"
        )
        happens(home, moment)
        serving.turn()
    end = datetime.combine(part.last, time(23), ZONE)
    found = states(hub, part, end)
    nights = {each.business_date: each.state for each in Nights(hub.store).all()}

    later = end + timedelta(days=30)  # what came when no night asked any more
    happens(home, later)
    asked = []
    for _ in range(2):
        with hub.alone(later):
            month = Period.parse(part.month)
            filled = backfill(hub, month, month, later, lambda *_: None, None, release=True)
        asked.append(sum(each.outcome != "no data" for each in filled.gathers))
    after = states(hub, part, later)
    hub.close()
    return Lived(found, {fate.name: right(fate, part) for fate in STORY}, nights, asked, after)


def filled_in(part: Part, found: dict[str, str]) -> dict[str, str]:
    """What a backfill a month later makes of what became of the obligations."""
    later = datetime.combine(part.last, time(23), ZONE) + timedelta(days=30)
    return {
        fate.name: ("nil" if part.month in fate.nil else "late")
        if found[fate.name] == "missing"
        and (comes := fate.comes[part.month]) is not None
        and comes <= later
        else found[fate.name]
        for fate in STORY
    }


def happens(home: Path, now: datetime) -> None:
    """The shares of all provinces as they are at a moment."""
    for fate in STORY:
        share = home / "shares" / fate.name
        if any(start <= now < end for start, end in fate.down):
            shutil.rmtree(share, ignore_errors=True)
            continue
        share.mkdir(exist_ok=True)
        for month, comes in fate.comes.items():
            file = share / f"{month}.csv"
            if comes is not None and comes <= now and not file.exists():
                row = (
                    f"{month},KHONG,\n"
                    if month in fate.nil
                    else f"{month},VT01,{1000 + len(fate.name)}\n"
                )
                file.write_text("ky,ma,gia_tri\n" + row, encoding="utf-8")


def states(hub: Hub, part: Part, now: datetime) -> dict[str, str]:
    """What became of every obligation for the part's month, by province."""
    submissions = hub.store.submissions(dataflow="TELECOM", period=part.month)
    found = due(hub.config, "TELECOM", Period.parse(part.month), submissions, now)
    return {each.obligation.province: each.state for each in found}
