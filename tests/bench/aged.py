"""A year of nights in a home that had one: what its database and landing zone would hold by then.

Each provision is asked every night and mostly has nothing new: a run and a landing. Each month it
has one submission, which is in that month's release.
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

NIGHTS, MONTHS = 364, 11


def age(home: Path, period: str, nights: int = NIGHTS, months: int = MONTHS) -> None:
    """Add nights without news after the one that there was, and months of ``period``'s like before it."""
    database = sqlite3.connect(home / "hub.db")
    with database:
        [asked] = database.execute("select count(*) from gather").fetchone()
        database.execute("create temp table gathers as select * from gather")
        database.execute("create temp table runs as select * from run")
        database.execute(
            "create temp table later as with recursive n(k) as (select 1 union all select k + 1 from n where k < ?)"
            " select k from n",
            [nights],
        )
        database.execute(
            "insert into gather (sequence, id, province, provision, replays)"
            " select sequence + k * ?1, printf('20250101-%08d', sequence + k * ?1), province, provision, 0"
            " from gathers, later",
            [asked],
        )
        database.execute(
            "insert into run (kind, province, provision, dataflow, periods, gather, started_at, ended_at, outcome,"
            " counts, notes, error) select kind, province, provision, dataflow, periods,"
            " printf('20250101-%08d', cast(substr(gather, 10) as integer) + k * ?), datetime(started_at, k || ' days'),"
            " datetime(ended_at, k || ' days'), 'unchanged', counts, notes, error from runs, later",
            [asked],
        )
        for back in range(1, months + 1):
            _month_before(database, period, back)
    database.close()
    for landing in list(home.glob("landing/*/*/gathers/*/landing.json")):
        sequence = int(landing.parent.name.partition("-")[2])
        for k in range(1, nights + 1):
            later = landing.parent.parent / f"20250101-{sequence + k * asked:08d}"
            later.mkdir()
            (later / "landing.json").hardlink_to(landing)
    for submissions in list(home.glob(f"landing/*/*/submissions/S.{period}")):
        for back in range(1, months + 1):
            shutil.copytree(submissions, submissions.with_name(f"S.{before(period, back)}"))


def before(period: str, back: int) -> str:
    """The label of the month so many months before one."""
    year, month = divmod(int(period[:4]) * 12 + int(period[6:]) - 1 - back, 12)
    return f"{year}-M{month + 1:02d}"


def _month_before(database: sqlite3.Connection, period: str, back: int) -> None:
    """The submissions and the release of a month, as another's are."""
    told = {"was": period, "now": before(period, back)}
    for table, changed in {
        "submission": {"path": "replace(path, :was, :now)"},
        "release": {
            "manifest": "replace(manifest, :was, :now)",
            "manifest_digest": "substr(manifest_digest || :now, -64)",
        },
    }.items():
        columns = [
            name for _, name, *_ in database.execute(f"pragma table_info({table})") if name != "id"
        ]
        taken = ", ".join({"period": ":now", **changed}.get(name, f'"{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        database.execute(
            f"insert into {table} ({names}) select {taken} from {table} where period = :was", told
        )
    names = [name for _, name, *_ in database.execute("pragma table_info(figure)")]
    taken = ", ".join(
        {"release_id": "(select max(id) from release)", "period": ":now"}.get(n, f'"{n}"')
        for n in names
    )
    database.execute(
        f"insert into figure ({', '.join(names)}) select {taken} from figure where period = :was",
        told,
    )
