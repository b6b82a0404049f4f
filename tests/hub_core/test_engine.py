"""What a province's code may do to its child process, and what the hub makes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from hub_core.engine import Child, InlineEngine, local
from hub_core.model.exchange import CheckOrder
from hub_core.pipeline.take_over import GatherReport

if TYPE_CHECKING:
    from tests.hub_core.conftest import Nights

HEAD = "import os, subprocess, sys, time\nfrom pathlib import Path\ndef fix(frame):\n"
PERIODS = ["2026-M10"]


def prepare(*lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in (*lines, "return frame"))


def gone(pid: int, seconds: float = 5) -> bool:
    """Whether a process ends within some seconds; one that nobody has waited for yet has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def waited(path: Path, seconds: float = 20) -> int:
    """The process id that a child writes into a file."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    raise TimeoutError(f"{path} was not written")


def pid_to(path: Path, what: str = "os.getpid()") -> str:
    return f"Path({str(path)!r}).write_text(str({what}))"


# It does not end


def test_a_child_that_hangs_is_ended_with_all_that_it_started(nights: Nights, tmp_path: Path) -> None:
    started = "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    mine, grandchilds = tmp_path / "pid", tmp_path / "grandchild"
    nights.prepare(
        "hangs", prepare(started, pid_to(mine), pid_to(grandchilds, "child.pid"), "time.sleep(60)")
    )
    before = time.monotonic()
    told = nights.bad_and_good(seconds=3)["hangs/telecom"]
    assert time.monotonic() - before < 20
    assert told.outcome == "failed"
    assert "gave no answer within 3 s" in str(told.error)
    assert gone(int(mine.read_text()))
    assert gone(int(grandchilds.read_text()))


def test_a_killed_hub_takes_its_children_with_it(nights: Nights, tmp_path: Path) -> None:
    mine = tmp_path / "pid"
    nights.prepare("hangs", prepare(pid_to(mine), "time.sleep(60)"))
    home = nights.make()
    code = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path\n"
        "from hub_core.engine import local; from hub_core.home import Hub; from hub_core.pipeline.night import night\n"
        "hub = Hub.open(Path(sys.argv[1]), local())\n"
        f"night(hub, datetime(2026, 11, 6, tzinfo=UTC), lambda *_: None, {PERIODS}, ['hangs'])\n"
    )
    hub = subprocess.Popen([sys.executable, "-c", code, str(home)])
    try:
        pid = waited(mine)
        assert psutil.Process(pid).ppid() == hub.pid
    finally:
        hub.send_signal(signal.SIGKILL)
        hub.wait()
    assert gone(pid)


# It speaks where it should not


def test_what_a_package_prints_is_noted_and_its_answer_intact(nights: Nights) -> None:
    nights.prepare("loud", prepare("print('Tải xong dữ liệu', flush=True)"))
    told = nights.bad_and_good()["loud/telecom"]
    assert (told.outcome, told.counts["admitted"]) == ("done", 2)
    assert told.notes == ["wrote to standard output: Tải xong dữ liệu"]


def test_what_it_prints_without_flushing_is_noted_too(nights: Nights) -> None:
    nights.prepare("loud", prepare("print('Tải xong dữ liệu')"))
    told = nights.bad_and_good()["loud/telecom"]
    assert told.outcome == "done"
    assert told.notes == ["wrote to standard output: Tải xong dữ liệu"]


def test_what_each_provision_prints_is_noted_with_it(nights: Nights) -> None:
    """The child writes to the file that the hub reads: one must not move the other's place in it."""
    code = prepare("number = len(os.listdir('/proc/self/fd'))", "print('x' * 20000, flush=True)")
    root = nights.prepare("loud", code)
    inside = root / "hub_provinces" / "loud"
    text = (inside / "telecom.toml").read_text(encoding="utf-8").replace("fixes:fix", "brief:fix")
    (inside / "zweite.toml").write_text(text, encoding="utf-8")
    (inside / "brief.py").write_text(prepare("print('kurz', flush=True)"), encoding="utf-8")
    nights.serve(name="loud", provision="zweite")
    told = nights.bad_and_good()
    assert [len(each.notes) for each in (told["loud/telecom"], told["loud/zweite"])] == [1, 1]
    assert told["loud/zweite"].notes == ["wrote to standard output: kurz"]


def test_fifty_megabytes_of_print_do_no_harm(nights: Nights) -> None:
    nights.prepare("flood", prepare("for _ in range(50): os.write(1, b'a' * 1_000_000)", "sys.stderr.write('b' * 10**6)"))
    told = nights.bad_and_good()["flood/telecom"]
    assert (told.outcome, told.counts["admitted"]) == ("done", 2)
    assert len(told.notes) == 1
    assert len(told.notes[0]) < 1000


def to_every_file(told: bytes) -> str:
    lines = ["for number in range(21):", "    try:", f"        os.write(number, {told!r})", "    except OSError:"]
    return prepare(*lines, "        continue")


def sound(told: GatherReport) -> bool:
    """Either what the package really read, or a failure that says so."""
    return told.outcome == "failed" or (told.outcome == "done" and told.counts["rows"] == told.counts["admitted"] == 2)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"rubbish\n",
        b"\xff\x00\xfe\n\n",
        b"{}\n",
        b'{"progress": 5}\n',
        b'{"progress": {"rows": "x"}}\n',
        b'{"error": {"message": 1, "place": {"message": 2}}}\n',
        b"x" * 70_000,
    ],
)
def test_rubbish_in_every_file_costs_its_own_run_at_most(nights: Nights, rubbish: bytes) -> None:
    nights.prepare("rubbish", to_every_file(rubbish))
    told = nights.bad_and_good(seconds=20)["rubbish/telecom"]
    assert sound(told)


def test_an_answer_cannot_be_forged_by_writing_to_every_file(nights: Nights) -> None:
    nights.prepare("forger", to_every_file(b'{"counts": {"rows": 999}, "no_data": ["2026-M10"]}\n'))
    told = nights.bad_and_good(seconds=20)["forger/telecom"]
    assert sound(told)


def test_standard_input_is_empty(nights: Nights) -> None:
    nights.prepare("reads", prepare("assert sys.stdin.read() == ''", "assert os.read(0, 10) == b''"))
    told = nights.bad_and_good(seconds=20)["reads/telecom"]
    assert (told.outcome, told.error) == ("done", None)


# What it can see


def test_a_child_sees_none_of_the_hubs_environment(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_SECRET_THANH_HOA_GATEWAY_TOKEN", "của Thanh Hóa")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    nights.prepare("curious", prepare("raise KeyError(' '.join(sorted(os.environ)))"))
    told = nights.bad_and_good()["curious/telecom"]
    assert "SECRET" not in str(told.error)
    assert "PATH" in str(told.error)


def with_secret(nights: Nights, name: str, code: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package whose source is given a secret as a part of its pattern."""
    root = nights.prepare(name, code)
    path = root / "hub_provinces" / name / "telecom.toml"
    told = path.read_text(encoding="utf-8").replace('kind = "folder"', 'kind = "folder"\npattern = "secret:part*.csv"')
    path.write_text(told, encoding="utf-8")
    nights.serve(name=name, file=f"{secret}.csv")
    monkeypatch.setenv(f"HUB_SECRET_{name.upper()}_PART", secret)


def test_a_secret_is_in_nothing_that_a_child_says(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = 'mật "khẩu" é%'
    with_secret(nights, "leaks", prepare(f"print({secret!r}, flush=True)", f"raise ValueError({secret!r})"), secret, monkeypatch)
    told = nights.bad_and_good()["leaks/telecom"]
    assert told.outcome == "failed"
    assert "ValueError" in str(told.error)
    assert "khẩu" not in f"{told.error}{told.notes}"
    for path in nights.home.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".db", ".jsonl", ".db-wal"):
            assert "khẩu" not in path.read_bytes().decode(errors="replace"), path


@pytest.mark.parametrize("where", ["print", "last words"])
def test_a_secret_is_not_cut_in_two_by_what_is_shown_of_a_long_text(
    nights: Nights, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "mat-khau-rat-dai-cua-so"
    code = {
        "print": f"print('x' * 390 + {secret!r}, flush=True)",
        "last words": f"sys.stderr.write({secret!r} + 'x' * 390); os._exit(1)",
    }[where]
    with_secret(nights, "leaks", prepare(code), secret, monkeypatch)
    told = nights.bad_and_good()["leaks/telecom"]
    assert secret[:10] not in f"{told.error}{told.notes}"
    assert secret[-10:] not in f"{told.error}{told.notes}"


def test_a_secret_of_digits_spoils_no_answer(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gather ids and digests hold all sorts of digits; only what people read is redacted."""
    with_secret(nights, "pin", prepare(), "2025", monkeypatch)
    told = nights.bad_and_good()["pin/telecom"]
    assert (told.outcome, told.error) == ("done", None)


def test_a_secret_that_is_not_set_is_named(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    with_secret(nights, "unset", prepare(), "x", monkeypatch)
    monkeypatch.delenv("HUB_SECRET_UNSET_PART")
    told = nights.bad_and_good()["unset/telecom"]
    assert "HUB_SECRET_UNSET_PART is not set" in str(told.error)


# What it leaves behind


SPOILS = {
    "removes_its_scratch": "shutil.rmtree(scratch)",
    "spoils_its_journal": "(scratch / 'parts.jsonl').write_bytes(b'\\xff\\n{}\\n'); os._exit(3)",
    "links_its_parts": "[(p.unlink(), p.symlink_to('/etc/hostname')) for p in (scratch / 'parts').iterdir()]; os._exit(3)",
    "fills_its_scratch": "(scratch / 'gathers').write_bytes(b'')",
}


def test_whatever_is_left_in_a_scratch_folder_the_night_goes_on(nights: Nights) -> None:
    for name, code in SPOILS.items():
        find = "import gc, shutil; from hub_core.landing import Scratch"
        which = "scratch = [each for each in gc.get_objects() if isinstance(each, Scratch)][0].root"
        nights.prepare(name, prepare(find, which, code))
    told = nights.bad_and_good(seconds=30)
    for name in SPOILS:
        assert told[f"{name}/telecom"].outcome == "failed", name
        assert told[f"{name}/telecom"].error


# The engine itself


def check_order(nights: Nights, name: str) -> dict[str, Any]:
    with nights.hub() as hub:
        order = CheckOrder(plugin=hub.found[name], trusted=["connectors"], catalogue=str(hub.config.snapshot()))
    return order.model_dump(mode="json")


def test_a_conversation_answers_each_order_in_its_place(nights: Nights) -> None:
    nights.package("p")
    nights.package("q", {"hub_provinces/NAME/__init__.py": "import os; os._exit(4)"})
    orders = [check_order(nights, name) for name in ("p", "q", "p")]
    engine = local()
    try:
        one, two, three = engine.submit(orders, 20, lambda *_: None).result()
    finally:
        engine.close()
    assert one == three == {"problems": [], "provisions": ["telecom"]}
    assert "exit code 4" in two["error"]["message"]
    assert two["error"]["error"] == "PluginError"


def test_the_inline_engine_says_what_a_process_says(nights: Nights) -> None:
    nights.package("p")
    with nights.hub() as hub:
        orders = [
            CheckOrder(plugin=hub.found["quang_tri"], trusted=["connectors"], catalogue=str(hub.config.snapshot()))
        ]
        told = [each.model_dump(mode="json") for each in orders]
        answers = hub.engine.submit(told, 20, lambda *_: None).result()
        assert InlineEngine().submit(told, 20, lambda *_: None).result() == answers
    assert answers == [{"problems": [], "provisions": ["telecom"]}]


def test_spare_children_end_with_the_engine() -> None:
    engine = local()
    engine.warm(2)
    pids = [child.process.pid for child in engine.spares]
    engine.close()
    assert all(gone(pid) for pid in pids)


def test_a_child_that_is_closed_leaves_no_open_file() -> None:
    before = set(os.listdir("/proc/self/fd"))
    child = Child()
    child.close()
    assert set(os.listdir("/proc/self/fd")) == before
    assert gone(child.process.pid)
