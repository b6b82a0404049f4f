"""Secrets from files and commands, set, listed and proved by the commands, and used by nights."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zstandard

from hub_core.testing.samples import TOKEN
from tests.command import HUB, hub
from tests.journeys.served import until
from tests.journeys.world import NEXT, NIGHT, World, make_world

MINISTRY = "mã-thông-báo-của-bộ".encode().hex()
BEARER = 'kind = "rest", auth = { kind = "bearer", token = "secret:ministry_token" }'
MINE = ("thanh_hoa", "gateway_token")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Thanh Hóa's gateway and a ministry ask for tokens, and none is set."""
    with make_world(tmp_path / "world", ("quang_tri", "thanh_hoa")) as made:
        made.systems.environment.clear()
        made.ministry.token = MINISTRY
        path = made.home / "config" / "deliveries" / "ministry.toml"
        path.write_text(
            path.read_text(encoding="utf-8").replace('kind = "rest"', BEARER), encoding="utf-8"
        )
        yield made


def say(world: World, owner: str, setting: str) -> None:
    """Say in hub.toml where an owner's secrets come from."""
    with (world.home / "config" / "hub.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[secrets.{owner}]\n{setting}\n")


def put(world: World, *words: str, value: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """``hub secret set`` with a value piped in; nothing of it is said."""
    done = world.run("secret", "set", *words, given=value)
    assert not value.strip() or value.strip() not in done.stdout + done.stderr
    return done


def listed(world: World) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["owner"], each["name"]): each for each in world.json_of("secret", "list")}


def words(text: str) -> str:
    """What a terminal shows, without frames and breaks."""
    return re.sub(r"[\s│╭╮╰╯─]+", " ", text)


# Nights


def test_a_night_with_a_kept_file_and_a_command(world: World, tmp_path: Path) -> None:
    (tmp_path / "vault").write_text(MINISTRY + "\n", encoding="utf-8")
    say(world, "hub", f"ministry_token = {{ command = ['cat', '{tmp_path}/vault'] }}")
    assert put(world, *MINE).returncode == 0
    night = world.night()
    assert {each["outcome"] for each in world.gathers(night).values()} == {"done"}
    assert world.systems.servers["thanh_hoa/telecom"].headers["authorization"] == f"Bearer {TOKEN}"
    assert {each["state"] for each in night["deliveries"]} == {"accepted"}
    assert night["deliveries"]


@pytest.mark.slow
def test_a_night_with_a_file_that_hub_toml_names(world: World, tmp_path: Path) -> None:
    path = tmp_path / "qt"
    path.write_text(TOKEN, encoding="utf-8")
    say(world, "thanh_hoa", f"gateway_token = {{ file = '{path}' }}")
    path.chmod(0o644)
    assert f"chmod 600 {path}" in world.gathers(world.night())["thanh_hoa/telecom"]["error"]
    path.chmod(0o600)
    assert world.gathers(world.night(NEXT))["thanh_hoa/telecom"]["outcome"] == "done"


def test_a_command_that_fails_is_its_provinces_failure_and_the_others_go_on(world: World) -> None:
    say(world, "thanh_hoa", "gateway_token = { command = ['sh', '-c', 'echo sealed >&2; exit 4'] }")
    say(world, "hub", "ministry_token = { command = ['false'] }")
    night = world.night()
    report = world.gathers(night)
    assert (
        "secret gateway_token of thanh_hoa: command sh ended with exit code 4: sealed"
        in (report["thanh_hoa/telecom"]["error"])
    )
    assert report["quang_tri/telecom"]["outcome"] == "done"
    for each in night["deliveries"]:
        assert each["state"] == "queued"
        assert "secret ministry_token of hub: command false ended with exit code 1" in each["error"]


def test_a_command_that_is_stopped_with_the_hub_does_not_live_on(
    world: World, tmp_path: Path
) -> None:
    script = f"echo $$ > {tmp_path}/pid; exec sleep 600"
    say(world, "thanh_hoa", f"gateway_token = {{ command = ['sh', '-c', '{script}'] }}")
    going = world.start("night", "--now", NIGHT)
    pid = tmp_path / "pid"
    until(lambda: pid.exists() and bool(pid.read_text()), "the command to run")
    going.send_signal(signal.SIGTERM)
    going.communicate(timeout=120)
    assert not psutil.pid_exists(int(pid.read_text()))


# Looking


def test_what_is_listed(world: World, tmp_path: Path) -> None:
    say(world, "hub", f"ministry_token = {{ command = ['touch', '{tmp_path}/was-run'] }}")
    assert listed(world)[MINE] == {
        "owner": "thanh_hoa",
        "name": "gateway_token",
        "used by": ["thanh_hoa/telecom"],
        "from": "",
        "state": "not set",
    }
    put(world, *MINE)
    put(world, "thanh_hoa", "old_one", "--anyway")
    secrets = listed(world)
    assert secrets[MINE]["state"] == "set"
    assert secrets[MINE]["from"] == f"file {world.home / 'secrets' / 'thanh_hoa' / 'gateway_token'}"
    assert secrets[("thanh_hoa", "old_one")]["used by"] == []
    assert secrets[("hub", "ministry_token")] == {
        "owner": "hub",
        "name": "ministry_token",
        "used by": ["delivery of TELECOM to G06", "delivery of DENOMINATORS to G06"],
        "from": "command touch",
        "state": "not run here",
    }
    assert not (tmp_path / "was-run").exists()
    shown = world.run("secret", "list")
    assert shown.returncode == 0
    said = json.dumps(list(secrets.values())).replace(str(world.home), "")
    assert TOKEN not in shown.stdout + said
    assert str(len(TOKEN)) not in said


def test_what_is_proved(world: World) -> None:
    done = world.run("secret", "test")
    assert done.returncode == 1
    assert "hub secret set thanh_hoa gateway_token" in words(done.stdout)
    put(world, *MINE)
    assert world.json_of("secret", "test", "thanh_hoa") == [
        {
            "owner": "thanh_hoa",
            "name": "gateway_token",
            "from": f"file {world.home}/secrets/thanh_hoa/gateway_token",
            "result": "ok",
        }
    ]
    assert world.codes["secret"] == 0
    world.json_of("secret", "test", *MINE)
    assert world.codes["secret"] == 0
    world.json_of("secret", "test", "hub")
    assert world.codes["secret"] == 1
    say(world, "hub", f"ministry_token = {{ command = ['printf', '%s', '{MINISTRY}'] }}")
    assert {each["result"] for each in world.json_of("secret", "test")} == {"ok"}
    assert world.codes["secret"] == 0
    for asked in (("nobody",), ("thanh_hoa", "nothing")):
        done = world.run("secret", "test", *asked)
        assert done.returncode == 2
        assert "there are hub ministry_token, thanh_hoa gateway_token" in words(done.stderr)


@pytest.mark.slow
def test_check_looks_at_files_and_runs_no_command(world: World, tmp_path: Path) -> None:
    def problems() -> set[tuple[str, str, str]]:
        return {(p["where"], p["what"], p["severity"]) for p in world.json_of("check")["problems"]}

    unset = [what for _, what, severity in problems() if severity == "error"]
    assert sorted(re.findall(r"secret (\w+) of \w+: it is not set", "".join(unset))) == [
        "gateway_token",
        "ministry_token",
        "ministry_token",
    ]
    put(world, *MINE)
    say(
        world,
        "hub",
        f"ministry_token = {{ command = ['touch', '{tmp_path}/was-run'] }}\nminstry = {{ environment = 'X' }}",
    )
    named = problems()
    what = "secret ministry_token is from a command, not run here; hub secret test hub ministry_token runs it"
    assert ("hub", what, "info") in named
    assert ("hub.toml", "[secrets.hub]: nothing refers to minstry", "warning") in named
    assert not [each for each in named if each[2] == "error"]
    assert world.codes["check"] == 0
    assert not (tmp_path / "was-run").exists()
    (world.home / "secrets" / "thanh_hoa" / "gateway_token").chmod(0o640)
    assert any(
        "is open to others (mode 0640)" in each[1] and each[2] == "error" for each in problems()
    )
    assert world.codes["check"] == 2


# Setting


def test_what_is_set_says_where_it_is_and_whether_it_is_used(world: World) -> None:
    done = put(world, *MINE, value=f"{TOKEN}\n")
    path = world.home / "secrets" / "thanh_hoa" / "gateway_token"
    assert words(done.stdout) == f"gateway_token of thanh_hoa is written to {path}. "
    assert path.read_text(encoding="utf-8") == f"{TOKEN}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    world.systems.environment["HUB_SECRET_THANH_HOA__GATEWAY_TOKEN"] = "another"
    assert "It is not used: environment HUB_SECRET_THANH_HOA__GATEWAY_TOKEN goes before it." in (
        words(put(world, *MINE).stdout)
    )
    answer = json.loads(put(world, *MINE, "--json").stdout)
    assert answer == {
        "owner": "thanh_hoa",
        "name": "gateway_token",
        "written": str(path),
        "from": "environment HUB_SECRET_THANH_HOA__GATEWAY_TOKEN",
    }


def test_a_name_that_nothing_refers_to_is_refused_with_those_that_there_are(world: World) -> None:
    done = put(world, "thanh_hoa", "gateway_tokn")
    assert done.returncode == 2
    assert (
        "nothing refers to gateway_tokn of thanh_hoa; there are hub ministry_token, thanh_hoa gateway_token"
        in (words(done.stderr))
    )
    assert not (world.home / "secrets").exists()
    assert put(world, "thanh_hoa", "gateway_tokn", "--anyway").returncode == 0
    assert put(world, "../..", "gateway_tokn", "--anyway").returncode == 2
    assert (
        put(world, "thanh_hoa", "gateway_tokn").returncode == 2
    )  # that it is there makes nobody refer to it


def test_a_value_is_no_argument(world: World) -> None:
    done = put(world, *MINE, TOKEN)
    assert done.returncode == 2
    assert "a value is no argument" in words(done.stderr)
    assert not (world.home / "secrets").exists()


@pytest.mark.parametrize("value", ["", "\n"])
def test_nothing_is_no_value(world: World, value: str) -> None:
    assert put(world, *MINE, value=value).returncode == 2
    assert not (world.home / "secrets").exists()


TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


def on_a_terminal(world: World, *typed: str) -> tuple[int, str]:
    """``hub secret set`` at a terminal where a person answers each question.

    The exit code, and what was shown.
    """
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", TERMINAL, *HUB, "secret", "set", *MINE]
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = subprocess.Popen(command, env=world.environment, start_new_session=True, **streams)
    os.close(theirs)
    shown, answers, deadline = b"", list(typed), time.monotonic() + 120
    while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            shown += os.read(ours, 1 << 16)
        except OSError:  # nobody holds the terminal any more
            break
        if answers and shown.count(b": ") > len(typed) - len(answers):  # another question
            os.write(ours, f"{answers.pop(0)}\n".encode())
    os.close(ours)
    return process.wait(120), shown.decode()


def test_on_a_terminal_it_is_asked_for_twice_and_not_shown(world: World) -> None:
    value = "mật khẩu của cổng"
    code, shown = on_a_terminal(world, value, value)
    assert code == 0, shown
    assert "Value of gateway_token of thanh_hoa: " in shown
    assert "The same again: " in shown
    assert value not in shown
    path = world.home / "secrets" / "thanh_hoa" / "gateway_token"
    assert path.read_text(encoding="utf-8") == f"{value}\n"
    code, shown = on_a_terminal(world, "another one", "another two")
    assert code == 2
    assert "the two are not the same; nothing is written" in words(shown)
    assert "another" not in shown
    assert path.read_text(encoding="utf-8") == f"{value}\n"


# Looking after


@pytest.mark.slow
def test_a_backup_holds_no_secret(world: World, tmp_path: Path) -> None:
    put(world, *MINE)
    world.night()
    assert world.run("backup", str(tmp_path / "set")).returncode == 0
    content = (
        zstandard.ZstdDecompressor().decompressobj().decompress((tmp_path / "set").read_bytes())
    )
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        names = tar.getnames()
    assert "config/hub.toml" in names
    assert not [name for name in names if name.startswith("secrets")]
    assert TOKEN.encode() not in content
    assert (
        world.run("restore", str(tmp_path / "set"), "--home", str(tmp_path / "new")).returncode == 0
    )
    assert not (tmp_path / "new" / "secrets").exists()


def test_what_a_killed_command_left_is_mended_away(world: World) -> None:
    put(world, *MINE)
    left = world.home / "secrets" / "thanh_hoa" / ".gateway_token-abc.new"
    left.write_text(TOKEN, encoding="utf-8")
    assert [each for each in listed(world) if each[0] == "thanh_hoa"] == [MINE]
    [found] = world.json_of("doctor")["found"]
    assert (found["kind"], found["place"]) == ("new", f"secrets/thanh_hoa/{left.name}")
    world.json_of("doctor", "--mend")
    assert not left.exists()
    assert listed(world)[MINE]["state"] == "set"


def test_a_home_that_is_made_has_no_folder_of_secrets(tmp_path: Path) -> None:
    assert hub("init", str(tmp_path / "home"), environment=os.environ).returncode == 0
    assert not (tmp_path / "home" / "secrets").exists()
