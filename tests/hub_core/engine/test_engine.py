"""What a province's code may do to its child process, and what the hub makes of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from hub_core.engine.child import _shown
from hub_core.engine.engine import Child, InlineEngine, local
from hub_core.model.exchange import CheckOrder
from hub_core.pipeline.attempt import GatherReport
from hub_core.secrets import variable
from hub_core.upkeep.check import check
from tests.hub_core.conftest import gone

if TYPE_CHECKING:
    from tests.hub_core.conftest import Nights

HEAD = "import os, subprocess, sys, time\nfrom pathlib import Path\ndef fix(frame):\n"
PERIODS = ["2026-M10"]
DAY = date(2026, 11, 6)


def prepare(*lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in (*lines, "return frame"))


def to_every_file(content: bytes) -> str:
    lines = [
        "for number in range(21):",
        "    try:",
        f"        os.write(number, {content!r})",
        "    except OSError:",
    ]
    return prepare(*lines, "        continue")


def in_scratch(code: str) -> str:
    find = "import gc, shutil; from hub_core.landing.scratch import Scratch"
    return prepare(
        find, "scratch = [x for x in gc.get_objects() if isinstance(x, Scratch)][0].root", code
    )


RUBBISH = {
    "rubbish_bytes": b"\xff\x00\xfe\n\n",
    "rubbish_object": b"{}\n",
    "rubbish_error": b'{"error": {"message": 1, "place": {"message": 2}}}\n',
    "rubbish_long": b"x" * 70_000,
    "rubbish_forged": b'{"answer": {"counts": {"rows": 999}, "no_data": ["2026-M10"]}}\n',
}
SPOILS = {
    "removes_its_scratch": "shutil.rmtree(scratch)",
    "spoils_its_journal": "(scratch / 'parts.jsonl').write_bytes(b'\\xff\\n{}\\n'); os._exit(3)",
    "spoils_its_parts": "[p.write_bytes(b'') for p in (scratch / 'parts').iterdir()]",
    "links_its_parts": "[(p.unlink(), p.symlink_to('/etc/hosts')) for p in (scratch / 'parts').iterdir()]; os._exit(3)",
    "fills_its_scratch": "(scratch / 'gathers').write_bytes(b'')",
}
OTHERS = {
    "loud": prepare("print('Tải xong dữ liệu', flush=True)"),
    "unflushed": prepare("print('Tải xong dữ liệu')"),
    "twice": prepare("print('x' * 20000, flush=True)"),
    "flood": prepare(
        "for _ in range(50): os.write(1, b'a' * 1_000_000)", "sys.stderr.write('b' * 10**6)"
    ),
    "floods": prepare("while True: os.write(1, b'a' * 1_000_000)"),
    "litters": prepare(
        "import ctypes, tempfile; make = ctypes.CDLL(None).creat",
        "os.chdir(tempfile.gettempdir()); [os.close(make(str(n).encode(), 0o600)) for n in range(100_001)]",
    ),
    "allowed": prepare(
        "import shutil, sqlite3, tempfile",
        "here = Path(tempfile.gettempdir()); assert here.is_relative_to(os.getcwd())",
        "Path('a').write_text('x'); Path('a').rename('b'); Path('b').chmod(0o600)",
        "os.link('b', 'c'); os.truncate('c', 0); open(os.devnull, 'w').write('x')",
        "Path('d').symlink_to('/etc/hosts'); Path('d').read_bytes(); Path('d').unlink()",
        "shutil.copytree(here.parent / 'parts', here / 'parts'); shutil.rmtree(here / 'parts')",
        "tempfile.TemporaryFile().write(b'x'); tempfile.mkdtemp(); sqlite3.connect(':memory:').close()",
        "sqlite3.connect(here / 'x.db').execute('create table t (a)')",
        "sqlite3.connect((here / 'x.db').as_uri() + '?mode=ro', uri=True).execute('select * from t')",
        "os.kill(os.getpid(), 0)",
    ),
    "mute": prepare("sys.stdout.close()"),
    "reads": prepare("assert sys.stdin.read() == ''", "assert os.read(0, 10) == b''"),
    "curious": prepare("raise KeyError(' '.join(sorted(os.environ)))"),
}
SECRETS = {  # a package's secret, and its ``prepare``
    "leaks": ('a mật "khẩu-ẩy" é%', "print({0!r}, flush=True); raise ValueError({0!r})"),
    "leaks_at_the_end": ("a-mat-khau-rat-dai", "print('x' * 390 + {0!r}, flush=True)"),
    "leaks_in_last_words": (
        "a-mat-khau-rat-dai",
        "sys.stderr.write({0!r} + 'x' * 390 + '\\n'); os._exit(1)",
    ),
    "digits": ("2025", "pass"),
    "unset": ("", "pass"),
}


def with_secret(nights: Nights, name: str, secret: str, code: str) -> None:
    """A package whose source is given a secret as a class of letters in its pattern."""
    root = nights.prepare(name, prepare(code.format(secret)))
    path = root / "hub_provinces" / name / "telecom.toml"
    text = path.read_text(encoding="utf-8").replace(
        '"folder"', '"folder"\npattern = "[secret:part]*.csv"'
    )
    path.write_text(text, encoding="utf-8")
    nights.serve(name=name, file=f"{secret[:1] or 'a'}.csv")


@pytest.fixture(scope="module")
def reports(long_night: Nights) -> Iterator[dict[str, GatherReport]]:
    """One night of all these packages and a good one."""
    codes = {
        **{name: to_every_file(content) for name, content in RUBBISH.items()},
        **{name: in_scratch(code) for name, code in SPOILS.items()},
        **OTHERS,
    }
    for name, code in codes.items():
        long_night.prepare(name, code)
    inside = long_night.packages / "twice" / "hub_provinces" / "twice"
    second = (inside / "telecom.toml").read_text(encoding="utf-8").replace("fixes:fix", "brief:fix")
    (inside / "zweite.toml").write_text(second, encoding="utf-8")
    (inside / "brief.py").write_text(prepare("print('kurz', flush=True)"), encoding="utf-8")
    long_night.serve(name="twice", provision="zweite")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_SECRET_THANH_HOA__GATEWAY_TOKEN", "của Thanh Hóa")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        for name, (secret, code) in SECRETS.items():
            with_secret(long_night, name, secret, code)
            patch.setenv(variable(name, "part"), secret)
        yield long_night.bad_and_good(seconds=300)


def sound(report: GatherReport) -> bool:
    """Either what the package really read, or a failure that says so."""
    fine = report.outcome == "done" and report.counts["rows"] == report.counts["admitted"] == 2
    return fine or (report.outcome == "failed" and bool(report.error))


# It speaks where it should not


def test_what_a_package_prints_is_noted_and_its_answer_intact(
    reports: dict[str, GatherReport],
) -> None:
    report = reports["loud/telecom"]
    assert (report.outcome, report.counts["admitted"]) == ("done", 2)
    assert report.notes == ["wrote to standard output: Tải xong dữ liệu"]


def test_what_it_prints_without_flushing_is_noted_too(reports: dict[str, GatherReport]) -> None:
    assert reports["unflushed/telecom"].outcome == "done"
    assert reports["unflushed/telecom"].notes == ["wrote to standard output: Tải xong dữ liệu"]


def test_what_each_provision_prints_is_noted_with_it(reports: dict[str, GatherReport]) -> None:
    """The child writes to the file that the hub reads.

    One must not move the other's place in it.
    """
    assert len(reports["twice/telecom"].notes) == 1
    assert reports["twice/zweite"].notes == ["wrote to standard output: kurz"]


def test_fifty_megabytes_of_print_do_no_harm(reports: dict[str, GatherReport]) -> None:
    report = reports["flood/telecom"]
    assert (report.outcome, report.counts["admitted"]) == ("done", 2)
    assert len(report.notes) == 1
    assert len(report.notes[0]) < 1000


def test_who_prints_on_and_on_is_ended(reports: dict[str, GatherReport]) -> None:
    assert "printed more than 100 MB" in str(reports["floods/telecom"].error)


def test_a_package_that_closes_its_standard_output_harms_nobody(
    reports: dict[str, GatherReport],
) -> None:
    assert reports["mute/telecom"].outcome == "done"


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_in_every_file_costs_its_own_run_at_most(
    reports: dict[str, GatherReport], name: str
) -> None:
    """Nor can an answer be forged that way."""
    assert sound(reports[f"{name}/telecom"])


def test_standard_input_is_empty(reports: dict[str, GatherReport]) -> None:
    assert (reports["reads/telecom"].outcome, reports["reads/telecom"].error) == ("done", None)


# Where it may write


def test_in_its_scratch_folder_it_may_do_as_it_likes(reports: dict[str, GatherReport]) -> None:
    assert (reports["allowed/telecom"].outcome, reports["allowed/telecom"].error) == ("done", None)


def test_but_not_leave_files_without_number(reports: dict[str, GatherReport]) -> None:
    assert "keeps more than 100000 files in its scratch folder" in str(
        reports["litters/telecom"].error
    )


# What it can see


def test_a_child_sees_none_of_the_hubs_environment(reports: dict[str, GatherReport]) -> None:
    error = str(reports["curious/telecom"].error)
    assert "PATH" in error
    assert "SECRET" not in error


def written(home: Path) -> str:
    """All that stands in the files of a home."""
    kinds = (".json", ".db", ".jsonl", ".db-wal", ".toml")
    paths = [path for path in home.rglob("*") if path.suffix in kinds]
    return "\n".join(path.read_bytes().decode(errors="replace") for path in paths)


def test_a_secret_is_in_nothing_that_a_child_says(
    reports: dict[str, GatherReport], long_night: Nights
) -> None:
    report = reports["leaks/telecom"]
    assert report.outcome == "failed"
    assert "ValueError" in str(report.error)
    assert len(report.notes) == 1
    assert "khẩu-ẩy" not in f"{report.error}{report.notes}"
    assert "khẩu-ẩy" not in written(long_night.home)


@pytest.mark.parametrize("name", ["leaks_at_the_end", "leaks_in_last_words"])
def test_a_secret_is_not_cut_in_two_by_what_is_shown_of_a_long_text(
    reports: dict[str, GatherReport], name: str, long_night: Nights
) -> None:
    secret = SECRETS[name][0]
    said = f"{reports[f'{name}/telecom'].error}{reports[f'{name}/telecom'].notes}"
    assert "xxx" in said
    for text in (said, written(long_night.home)):
        assert secret[:10] not in text
        assert secret[-10:] not in text


def test_a_secret_of_digits_spoils_no_answer(reports: dict[str, GatherReport]) -> None:
    """Gather ids and digests hold all sorts of digits; only what people read is redacted."""
    assert (reports["digits/telecom"].outcome, reports["digits/telecom"].error) == ("done", None)


def test_a_secret_that_is_not_set_is_named(reports: dict[str, GatherReport]) -> None:
    error = str(reports["unset/telecom"].error)
    assert (
        f"secret part of unset: it is not set: hub secret set unset part, or {variable('unset', 'part')} in"
        in error
    )


def test_a_secret_in_a_sources_complaint_is_kept_nowhere(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The landing tells why it was cut off."""
    nights.package("p")
    nights.sources["p"] = {"telecom": {"path": "/nowhere/secret:part"}}
    monkeypatch.setenv(variable("p", "part"), "mat-khau-rat-dai")
    report = nights.bad_and_good()["p/telecom"]
    assert "is not there" in str(report.error)
    assert "mat-khau" not in str(report.error)
    assert "mat-khau" not in written(nights.home)


# What it leaves behind


@pytest.mark.parametrize("name", SPOILS)
def test_whatever_is_left_in_a_scratch_folder_costs_its_own_run_only(
    reports: dict[str, GatherReport], name: str, long_night: Nights
) -> None:
    report = reports[f"{name}/telecom"]
    assert report.outcome == "failed"
    assert report.error
    assert not (long_night.home / "scratch" / f"{report.gather}-0").exists()


# It does not end


def waited(folder: Path, seconds: float = 60) -> int:
    """The process id that a child writes into its scratch folder."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in folder.glob("scratch/*/tmp/pid"):
            if text := path.read_text():
                return int(text)
        time.sleep(0.02)
    raise TimeoutError(f"no child of {folder} wrote its process id")


def test_a_child_that_hangs_is_ended_at_the_time_limit(nights: Nights) -> None:
    nights.prepare("hangs", prepare("time.sleep(600)"))
    before = time.monotonic()
    report = nights.bad_and_good(seconds=6)["hangs/telecom"]
    assert time.monotonic() - before < 120
    assert report.outcome == "failed"
    assert "gave no answer within 6 s" in str(report.error)


def test_a_killed_hub_takes_its_children_with_it(nights: Nights) -> None:
    to_scratch = "import tempfile; Path(tempfile.gettempdir(), 'pid').write_text(str(os.getpid()))"
    nights.prepare("hangs", prepare(to_scratch, "time.sleep(600)"))
    home = nights.make()
    code = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path\n"
        "from hub_core.engine.engine import local; from hub_core.home import Hub\n"
        "from hub_core.pipeline.night import night\n"
        "hub = Hub.open(Path(sys.argv[1]), local())\n"
        f"night(hub, datetime(2026, 11, 6, tzinfo=UTC), lambda *_: None, {PERIODS}, ['hangs'])\n"
    )
    hub = subprocess.Popen([sys.executable, "-c", code, str(home)])
    try:
        pid = waited(home)
        assert psutil.Process(pid).ppid() == hub.pid
    finally:
        hub.send_signal(signal.SIGKILL)
        hub.wait()
    assert gone(pid)


# The engine itself


def orders(nights: Nights, *names: str) -> list[dict[str, Any]]:
    with nights.hub() as hub:
        snapshot = str(hub.config.snapshot())
        made = [
            CheckOrder(plugin=hub.plugins[name], trusted=["connectors"], catalogue=snapshot)
            for name in names
        ]
    return [each.model_dump(mode="json") for each in made]


def test_a_conversation_answers_each_order_in_its_place(nights: Nights) -> None:
    nights.package("p")
    nights.package("q", {"hub_provinces/NAME/__init__.py": "import os; os._exit(4)"})
    engine = local()
    try:
        one, two, three = engine.submit(
            orders(nights, "p", "q", "p"), 120, lambda *_: None
        ).result()
    finally:
        engine.close()
    assert one == three == {"problems": [], "provisions": ["telecom"]}
    assert "exit code 4" in two["error"]["message"]
    assert two["error"]["error"] == "PluginError"


def test_a_slip_in_the_name_of_a_province_that_is_set_apart_is_said(nights: Nights) -> None:
    with (nights.make() / "config" / "hub.toml").open("a") as file:
        file.write('\n[provinces.quang_tri_]\nisolation = "guarded"\n')
    with nights.hub() as hub:
        assert "[provinces.quang_tri_]: there is no such package" in [
            each.what for each in check(hub, DAY)
        ]


def test_the_inline_engine_says_what_a_process_says(nights: Nights) -> None:
    engine, asked = local(), orders(nights, "quang_tri")
    try:
        answers = engine.submit(asked, 120, lambda *_: None).result()
    finally:
        engine.close()
    assert InlineEngine().submit(asked, 120, lambda *_: None).result() == answers
    assert answers == [{"problems": [], "provisions": ["telecom"]}]


def test_spare_children_end_with_the_engine() -> None:
    engine = local([Child(), Child()])
    pids = [child.process.pid for child in engine.spares]
    engine.close()
    assert all(gone(pid) for pid in pids)


def test_a_child_that_is_closed_leaves_no_open_file() -> None:
    def open_files() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    before = open_files()
    child = Child()
    child.close()
    assert open_files() == before
    assert gone(child.process.pid)


def test_a_child_that_was_waited_for_is_no_longer_known_by_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its number may be a stranger's by then."""
    child = Child()
    child.process.kill()
    child.process.wait()
    killed: list[int] = []
    monkeypatch.setattr("hub_core.engine.watch.os.killpg", lambda number, _: killed.append(number))
    monkeypatch.setattr(
        "hub_core.engine.watch.below", lambda number: killed.append(number) or iter(())
    )
    child.close()
    assert not killed


@pytest.mark.parametrize(("start", "end"), [(True, False), (False, True)])
@pytest.mark.parametrize("secret", ["canary-7f3a9c51e2", 'with "quotes" and\nlines of its own'])
def test_of_a_secret_that_is_cut_in_two_nothing_is_shown(
    secret: str, start: bool, end: bool
) -> None:
    for written in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        for at in range(1, len(written)):
            half = written[at:] + " " * 900 if start else " " * 900 + written[:at]
            assert _shown(half.encode(), [secret], start=start, end=end) == ""


def test_what_was_printed_is_shown_whole_where_nothing_was_cut() -> None:
    assert _shown("đã hỏng: abc xyz ".encode(), ["abc"]) == "đã hỏng: [secret] xyz"
