"""The doctor.

What it lists for each leftover and each damage, what ``--mend`` leaves, and that it changes
nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from hub_core.config.operator import load
from hub_core.engine.engine import local
from hub_core.errors import StateError
from hub_core.home import Hub
from hub_core.landing.layout import read_manifest
from hub_core.obligations import ZONE
from hub_core.packages.installed import Installed, put_in_force
from hub_core.upkeep import doctor
from hub_core.upkeep.doctor import Examined, Kind, symptom
from tests.journeys.served import children, until
from tests.journeys.world import NIGHT, ROOT, World, gone_on

NOW = datetime.fromisoformat(NIGHT).replace(tzinfo=ZONE)
LANDED = "landing/thanh_hoa/telecom"
UNKNOWN = "20250101-00000099"
Made = Callable[[Path], object]


@pytest.fixture(scope="module")
def lived(night_lived: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that lived through a night."""
    with gone_on(night_lived, tmp_path_factory.mktemp("lived") / "world") as made:
        yield made


@pytest.fixture
def copy(lived: World, tmp_path: Path) -> World:
    """A copy of its home, which a test may harm."""
    shutil.copytree(lived.home, tmp_path / "home")
    return replace(lived, home=tmp_path / "home")


@contextmanager
def opened(home: Path) -> Iterator[Hub]:
    hub = Hub.open(home, local())
    try:
        yield hub
    finally:
        hub.close()


def look(hub: Hub, *, deep: bool = False) -> Examined:
    return doctor.examine(hub, lambda *_: None, deep=deep)


def put_right(hub: Hub) -> Examined:
    return doctor.mend(hub, NOW, lambda *_: None, deep=False)


def examined(home: Path, *, deep: bool = False) -> Examined:
    with opened(home) as hub:
        return look(hub, deep=deep)


def mended(home: Path) -> Examined:
    with opened(home) as hub:
        return put_right(hub)


def kinds(examination: Examined) -> list[str]:
    return [each.kind for each in examination.found]


def tree(home: Path) -> dict[str, str]:
    """Every file but the lock and SQLite's own working files."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock"))
    }


def change(home: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(home / "hub.db")) as connection, connection:
        assert connection.execute(sql, values).rowcount == 1


def flip(path: Path, at: int = 40) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def first(home: Path, pattern: str) -> Path:
    return min(home.glob(pattern))


def file(place: str) -> Made:
    def make(home: Path) -> None:
        (home / place).parent.mkdir(parents=True, exist_ok=True)
        (home / place).write_bytes(b"half")

    return make


def another_submission(home: Path, gather: str = "") -> Path:
    """A sealed folder that no row names, beside one that a row names."""
    known = first(home, f"{LANDED}/submissions/*/*-0")
    return Path(shutil.copytree(known, known.with_name((gather or known.name[:-2]) + "-7")))


def unsealed(home: Path) -> None:
    (another_submission(home, UNKNOWN) / "manifest.json").unlink()


def run_left(home: Path) -> None:
    change(home, "update run set outcome = 'running', ended_at = null where id = 1")


def lease_left(home: Path) -> None:
    change(home, "insert into lease values ('gather thanh_hoa/telecom', 'a host:/srv', 1, 5.0)")


LEFTOVERS: list[tuple[Kind, Made]] = [
    ("scratch", file(f"scratch/{UNKNOWN}-0/parts/a.new")),
    ("new", file(f"{LANDED}/parts/{'a' * 64}.zst.new")),
    ("new", lambda home: (first(home, f"{LANDED}/gathers/*") / "landing.json.new").touch()),
    ("new", lambda home: (first(home, f"{LANDED}/submissions/*/*") / "manifest.json.new").touch()),
    ("new", file(f"catalogues/{'a' * 64}.new")),
    ("part", file(f"{LANDED}/parts/{'a' * 64}.zst")),
    ("gather", file(f"{LANDED}/gathers/{UNKNOWN}/quarantine.parquet")),
    ("gather", file(f"{LANDED}/gathers/{UNKNOWN}/landing.json.new")),
    ("submission", another_submission),
    ("submission", unsealed),
    ("snapshot", file(f"catalogues/{'a' * 64}.json")),
    ("run", run_left),
    ("lease", lease_left),
    ("install", file("installed/ha_tinh/0123abcd/package/hub_provinces/ha_tinh/province.toml")),
    ("install", file("installed/new-0123abcd/package/x")),
    ("install", file("installed/ha_tinh/installed.json.new")),
]


@pytest.mark.parametrize(("kind", "make"), LEFTOVERS)
def test_each_leftover_is_listed_and_mended(copy: World, kind: Kind, make: Made) -> None:
    before = tree(copy.home)
    make(copy.home)
    harmed = tree(copy.home)
    with opened(copy.home) as hub:
        examination = look(hub)
        assert kinds(examination) == [kind]
        assert examination.found[0].harmless
        assert examination.found[0].mend
        assert not examination.needs_somebody
        assert tree(copy.home) == harmed, "looking changed something"
        examination = put_right(hub)
        assert (kinds(examination), [each.kind for each in examination.mended]) == ([], [kind])
        assert kinds(look(hub, deep=True)) == []
    assert tree(copy.home) | {"hub.db": ""} == before | {"hub.db": ""}


def test_a_quiet_home_is_well(copy: World) -> None:
    examination = copy.json_of("doctor", "--deep")
    assert examination == {"at_work": False, "found": [], "mended": []}
    assert copy.codes["doctor"] == 0
    assert "Found: none" in copy.run("doctor").stdout


@pytest.mark.slow
def test_a_landing_that_the_database_forgot_can_be_replayed_again(copy: World) -> None:
    known = first(copy.home, f"{LANDED}/gathers/*")
    landing = known.with_name(UNKNOWN)
    shutil.copytree(known, landing)
    text = json.loads((landing / "landing.json").read_text(encoding="utf-8"))
    (landing / "landing.json").write_text(
        json.dumps(text | {"gather": UNKNOWN, "sequence": 99}), encoding="utf-8"
    )
    sealed = another_submission(copy.home, UNKNOWN)
    examination = examined(copy.home)
    assert sorted((each.kind, each.harmless) for each in examination.found) == [
        ("forgotten", False),
        ("landing", True),
    ]
    shown = copy.json_of("doctor", "--mend")
    assert [each["kind"] for each in shown["mended"]] == ["landing"]
    assert [(each["kind"], each["who"]) for each in shown["found"]] == [("forgotten", "operator")]
    assert copy.codes["doctor"] == 1
    assert sealed.exists()
    replayed = copy.json_of("replay", "thanh_hoa", "telecom", UNKNOWN)
    assert (replayed["outcome"], replayed["error"]) == ("unchanged", None)
    assert (
        copy.json_of("gather", "--province", "quang_tri", "--now", NIGHT)["gathers"][0]["gather"]
        > UNKNOWN
    )
    assert kinds(mended(copy.home)) == []  # it was read again; the folder is a leftover now
    assert not sealed.exists()


def test_a_forgotten_submission_may_be_admitted_where_it_lies(copy: World) -> None:
    folder = first(copy.home, f"{LANDED}/submissions/*/*")
    before = tree(folder)
    with opened(copy.home) as hub:
        hub.zone.adopt_submission(folder, read_manifest(folder))
    assert tree(folder) == before


def test_a_landing_whose_number_was_given_again_is_for_the_operator(copy: World) -> None:
    known = first(copy.home, f"{LANDED}/gathers/*")
    other = first(copy.home, "landing/quang_tri/telecom/gathers/*")
    landing = known.with_name(other.name)
    shutil.copytree(known, landing)
    text = json.loads((landing / "landing.json").read_text(encoding="utf-8"))
    landed = text | {"gather": other.name, "sequence": int(other.name[-8:])}
    (landing / "landing.json").write_text(json.dumps(landed), encoding="utf-8")
    found = mended(copy.home).found
    assert [(each.kind, each.who) for each in found] == [("landing", "operator")]
    assert "gave its number to quang_tri/telecom" in found[0].what


def test_a_file_of_somebody_else_is_left_alone(copy: World) -> None:
    for place in (
        "ghi-chu.txt",
        "thanh_hoa/a.txt",
        f"{LANDED[8:]}/a.txt",
        f"{LANDED[8:]}/parts/a.txt",
    ):
        file(f"landing/{place}")(copy.home)
    file("catalogues/a.txt")(copy.home)
    before = tree(copy.home)
    examination = mended(copy.home)
    assert kinds(examination) == ["stray"] * 5
    assert examination.needs_somebody
    assert tree(copy.home) == before


def remove_part(home: Path) -> None:
    first(home, f"{LANDED}/parts/*").unlink()


INSTALLED = Installed(
    name="ha_tinh",
    project="lienthong-ha-tinh",
    version="1.0",
    install="0123abcd",
    isolated=True,
    python="3.11.7",
    requires=[],
    installed_at=NOW,
)


def installed_without_files(home: Path) -> None:
    (home / "installed" / "ha_tinh").mkdir(parents=True)
    put_in_force(home, INSTALLED)


DAMAGE: list[tuple[Kind, bool, Made]] = [
    ("package", False, installed_without_files),
    ("package", False, file("installed/ha_tinh/installed.json")),
    ("missing", False, lambda home: shutil.rmtree(first(home, f"{LANDED}/submissions/*/*"))),
    (
        "missing",
        False,
        lambda home: first(home, f"{LANDED}/submissions/*/*/observations.parquet").unlink(),
    ),
    (
        "missing",
        False,
        lambda home: first(home, f"{LANDED}/submissions/*/*/manifest.json").unlink(),
    ),
    ("missing", False, remove_part),
    (
        "digest",
        False,
        lambda home: flip(first(home, f"{LANDED}/submissions/*/*/observations.parquet")),
    ),
    (
        "digest",
        False,
        lambda home: flip(first(home, f"{LANDED}/submissions/*/*/quarantine.parquet")),
    ),
    ("digest", False, lambda home: flip(first(home, f"{LANDED}/submissions/*/*/manifest.json"))),
    ("digest", False, lambda home: flip(first(home, f"{LANDED}/gathers/*/landing.json"), 4)),
    ("digest", True, lambda home: flip(first(home, f"{LANDED}/parts/*"))),
    (
        "digest",
        False,
        lambda home: change(home, "update submission set rows = rows + 1 where id = 1"),
    ),
    ("release", False, lambda home: change(home, "update figure set value = '1' where rowid = 1")),
    ("release", False, lambda home: change(home, "delete from figure where rowid = 1")),
    ("chain", False, lambda home: new_version(home, "0" * 64)),
]


def new_version(home: Path, previous: str) -> None:
    """A second version of the first release, which names another first."""
    from hub_core.model.canonical import canonical, digest_of

    with opened(home) as hub:
        one = hub.releases.all()[0]
        manifest = one.manifest.model_copy(update={"version": 2, "previous": previous})
        text = canonical(manifest).decode()
        digest = digest_of(text)
        rows = list(hub.releases.figures(one.id))
        figures = {name: [row[name] for row in rows] for name in rows[0] if name != "release_id"}
        hub.releases.freeze(manifest, text, digest, figures, [], NOW)


@pytest.mark.parametrize(("kind", "deep", "harm"), DAMAGE)
def test_each_damage_is_named_and_never_mended(
    copy: World, kind: Kind, deep: bool, harm: Made
) -> None:
    harm(copy.home)
    harmed = tree(copy.home)
    with opened(copy.home) as hub:
        if deep:
            assert kinds(look(hub)) == []
        examination = look(hub, deep=deep)
        assert set(kinds(examination)) == {kind}
        assert examination.needs_somebody
        assert all(each.who == "operator" and not each.mend for each in examination.found)
        assert put_right(hub).mended == []
    assert tree(copy.home) == harmed


def test_a_revision_without_files_is_named_with_what_restores_it(copy: World) -> None:
    gone = first(copy.home, f"{LANDED}/submissions/*/*")
    shutil.rmtree(gone)
    [trouble] = copy.json_of("doctor")["found"]
    assert copy.codes["doctor"] == 1
    assert re.fullmatch(r"thanh_hoa/telecom \S+ revision 1", trouble["place"])
    assert f"hub replay thanh_hoa telecom {gone.name[:-2]}" in trouble["what"]
    assert "hub restore" in trouble["what"]


def test_a_figure_that_does_not_hold_is_found_in_both_digests(copy: World) -> None:
    """Whoever changes a sealed file and its digest with it is found by the content digest."""
    import polars as pl

    folder = first(copy.home, f"{LANDED}/submissions/*/*")
    path = folder / "observations.parquet"
    pl.read_parquet(path).with_columns(pl.col("value") + 1).write_parquet(path)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert kinds(examined(copy.home)) == []
    assert kinds(examined(copy.home, deep=True)) == ["digest"]


def test_a_catalogue_in_use_is_written_again_while_config_holds_it(copy: World) -> None:
    path = first(copy.home, "catalogues/*.json")
    content = path.read_bytes()
    for harm in (Path.unlink, flip):
        harm(path)
        [trouble] = examined(copy.home).found
        assert (trouble.kind, trouble.harmless) == ("catalogue", True)
        assert kinds(mended(copy.home)) == []
        assert path.read_bytes() == content


def test_a_catalogue_that_config_no_longer_holds_is_for_the_operator(copy: World) -> None:
    first(copy.home, "catalogues/*.json").unlink()
    path = copy.home / "config" / "dataflows" / "TELECOM.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n# another\n", encoding="utf-8")
    assert [(each.kind, each.who) for each in mended(copy.home).found] == [
        ("catalogue", "operator")
    ]


@pytest.mark.parametrize(
    ("change_to", "harmless"),
    [
        ("state = 'sent'", True),
        ("state = 'queued'", True),
        ("""state = 'sent', error = '{"error": "DeliveryUnavailable", "message": "down"}'""", True),
        ("""state = 'queued', error = '{"error": "DeliveryRefused", "message": "no"}'""", False),
    ],
)
def test_a_delivery_without_a_receipt_is_listed_until_it_has_one(
    copy: World, change_to: str, harmless: bool
) -> None:
    change(copy.home, f"update delivery set {change_to} where rowid = 1")
    examination = mended(copy.home)
    assert [(each.kind, each.harmless) for each in examination.found] == [("delivery", harmless)]
    assert examination.mended == []


# The database


def test_a_database_that_is_gone_is_not_made_anew(copy: World) -> None:
    for path in copy.home.glob("hub.db*"):
        path.unlink()
    before = tree(copy.home)
    for words in ([], ["--mend"]):
        assert [each["kind"] for each in copy.json_of("doctor", *words)["found"]] == ["database"]
        assert copy.codes["doctor"] == 1
    assert tree(copy.home) == before


def test_a_broken_database_is_said_to_be_broken(copy: World) -> None:
    content = bytearray((copy.home / "hub.db").read_bytes())
    content[8192:12288] = bytes(4096)
    (copy.home / "hub.db").write_bytes(content)
    assert {each.kind for each in doctor.database(load(copy.home))} == {"database"}
    (copy.home / "hub.db").write_bytes(b"no database at all" * 500)
    assert {each.kind for each in doctor.database(load(copy.home))} == {"database"}


def test_a_newer_database_is_named_and_an_older_one_is_left_as_it_is(copy: World) -> None:
    change(copy.home, "update alembic_version set version_num = '9999'")
    [trouble] = doctor.database(load(copy.home))
    assert (trouble.kind, trouble.harmless) == ("schema", False)
    change(copy.home, "update alembic_version set version_num = '0000'")
    before = tree(copy.home)
    [trouble] = doctor.database(load(copy.home))
    assert (trouble.kind, trouble.harmless) == ("schema", True)
    assert copy.run("doctor").returncode == 0
    assert tree(copy.home) == before


def test_a_row_that_names_nothing_is_found(copy: World) -> None:
    change(copy.home, "update delivery set release_id = 999 where rowid = 1")
    [trouble] = doctor.database(load(copy.home))
    assert trouble.what.startswith("a row of delivery names a release that is not there")


# Beside another hub


@pytest.mark.slow
def test_a_hub_at_work_is_not_disturbed_and_what_it_left_is_mended(world: World) -> None:
    system = world.systems.servers["thanh_hoa/telecom"]
    system.fault, system.fault_from = "timeout", 2
    night = world.start("night", "--now", NIGHT)
    until(lambda: system.requests > 1, "a landed page and a hub that waits for the next")
    examination = world.json_of("doctor", "--deep")
    assert (examination["at_work"], examination["found"], world.codes["doctor"]) == (True, [], 0)
    with opened(world.home) as hub, pytest.raises(StateError, match="another hub is at work"):
        doctor.mend(hub, NOW, lambda *_: None, deep=False)
    mine = children(night)
    night.kill()
    night.communicate()
    until(lambda: not any(child.is_running() for child in mine), "the children to end")
    left = set(kinds(examined(world.home)))
    assert {"scratch", "run"} <= left <= {"scratch", "run", "lease"}
    done = mended(world.home)
    assert (done.found, {each.kind for each in done.mended}) == ([], left)
    assert examined(world.home, deep=True).found == []
    [kept] = (world.home / LANDED / "gathers").glob("*/landing.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["complete"] is False


# The list


def test_every_kind_is_in_the_list_and_on_the_page() -> None:
    page = (ROOT / "docs" / "repair.md").read_text(encoding="utf-8")
    section = re.search(r"^## When something is wrong.*?(?=^## )", page, re.DOTALL | re.MULTILINE)
    assert section
    assert set(re.findall(r"^\| `([a-z]+)` \|", section[0], re.MULTILINE)) == set(get_args(Kind))
    assert set(re.findall(r"^      ([a-z]+) ", symptom.__doc__ or "", re.MULTILINE)) == set(
        get_args(Kind)
    )


def test_the_cases_name_every_kind() -> None:
    here: Any = Path(__file__).read_text(encoding="utf-8")
    assert {kind for kind in get_args(Kind) if f'"{kind}"' not in here} == set()
