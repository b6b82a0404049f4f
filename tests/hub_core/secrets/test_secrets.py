from __future__ import annotations

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.config.operator import load
from hub_core.config.province import read
from hub_core.config.settings import HubSettings
from hub_core.errors import ConfigurationError, StoreError
from hub_core.secrets import MOST, REDACTED, Secrets, commands, redact, references, variable
from hub_core.testing.home import make_home
from tests.hub_core.conftest import gone

ROOT = Path(__file__).parents[3]
VALUE = "mật khẩu dài"
words = st.sampled_from(["quang", "tri", "token", "a", "hub"])


def secrets(home: Path, environment: dict[str, str] | None = None, **declared: Any) -> Secrets:
    """The secrets of a home whose hub.toml says this of Huế's."""
    settings = HubSettings.model_validate({"name": "x", "secrets": {"hue": declared}})
    return Secrets(home, settings.secrets, {"PATH": os.environ["PATH"], **(environment or {})})


def prints(code: str) -> dict[str, list[str]]:
    """A command that runs this code."""
    return {"command": [sys.executable, "-I", "-c", f"import os, subprocess, sys, time; {code}"]}


def file(path: Path, content: bytes = VALUE.encode(), mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def refused(hues: Secrets, name: str = "token") -> str:
    """Why a secret is not to be had; its value is no part of that."""
    with pytest.raises(ConfigurationError) as why:
        hues.resolve("hue", [name])
    assert VALUE not in str(why.value)
    assert str(why.value).startswith(f"secret {name} of hue: ")
    return str(why.value)


# The environment


def test_a_secret_is_an_environment_variable_of_its_owner(tmp_path: Path) -> None:
    hues = secrets(
        tmp_path, {variable("hue", "token"): "mật khẩu", variable("nghe_an", "token"): "khác"}
    )
    assert hues.resolve("hue", ["token"]) == {"token": "mật khẩu"}


def test_all_that_are_not_set_are_named_and_none_that_is(tmp_path: Path) -> None:
    hues = secrets(tmp_path, {variable("hue", "a"): "x", variable("hue", "b"): ""})
    with pytest.raises(ConfigurationError) as why:
        hues.resolve("hue", ["a", "b", "c"])
    assert variable("hue", "b") in str(why.value)
    assert variable("hue", "c") in str(why.value)
    assert "hub secret set hue c" in str(why.value)
    assert variable("hue", "a") + " " not in str(why.value) + " "


def test_nothing_wanted_is_nothing_given(tmp_path: Path) -> None:
    assert secrets(tmp_path, {variable("hue", "a"): "x"}).resolve("hue", []) == {}


def test_the_name_of_a_variable_may_be_another(tmp_path: Path) -> None:
    hues = secrets(
        tmp_path,
        {"HUE_TOKEN": VALUE, variable("hue", "token"): "x"},
        token={"environment": "HUE_TOKEN"},
    )
    assert hues.resolve("hue", ["token"]) == {"token": VALUE}
    hues = secrets(tmp_path, {variable("hue", "token"): VALUE}, token={"environment": "HUE_TOKEN"})
    assert "environment HUE_TOKEN is not set" in refused(hues)


@given(st.lists(words, min_size=2, max_size=4), st.lists(words, min_size=2, max_size=4), st.data())
def test_no_two_owners_share_a_variable(
    some: list[str], others: list[str], data: st.DataObject
) -> None:
    def cut(pieces: list[str]) -> tuple[str, str]:
        at = data.draw(st.integers(1, len(pieces) - 1))
        return "_".join(pieces[:at]), "_".join(pieces[at:])

    one, other = cut(some), cut(data.draw(st.sampled_from([some, others])))
    assert (variable(*one) == variable(*other)) == (one == other)


def test_a_province_cannot_reach_anothers_secret_by_its_name() -> None:
    """``quang`` asking for ``tri_token`` is not ``quang_tri`` asking for ``token``."""
    assert variable("quang", "tri_token") != variable("quang_tri", "token")


def test_no_province_has_an_id_that_would_make_two_of_one_variable(tmp_path: Path) -> None:
    """``a__b`` asking for ``c`` would be ``a`` asking for ``b__c``."""
    text = 'id = "a__b"\nname = "x"\ncontact = "x"\nproviders = []\n'
    (tmp_path / "province.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="id"):
        read(tmp_path)


def test_no_province_reads_the_hubs_own_secrets(tmp_path: Path) -> None:
    (tmp_path / "province.toml").write_text(
        'id = "hub"\nname = "x"\ncontact = "x"\nproviders = []\n', encoding="utf-8"
    )
    with pytest.raises(ConfigurationError, match="hub"):
        read(tmp_path)


# Which one counts


def test_hub_toml_goes_before_the_environment_and_that_before_the_homes_file(
    tmp_path: Path,
) -> None:
    file(tmp_path / "secrets" / "hue" / "token", b"home")
    file(tmp_path / "elsewhere", b"told")
    environment = {variable("hue", "token"): "environment"}
    assert secrets(tmp_path).resolve("hue", ["token"]) == {"token": "home"}
    assert secrets(tmp_path, {variable("hue", "token"): ""}).resolve("hue", ["token"]) == {
        "token": "home"
    }
    assert secrets(tmp_path, environment).resolve("hue", ["token"]) == {"token": "environment"}
    hues = secrets(tmp_path, environment, token={"file": "elsewhere"})
    assert hues.resolve("hue", ["token"]) == {"token": "told"}
    by_command = secrets(tmp_path, environment, token=prints("print('told')"))
    assert by_command.resolve("hue", ["token"]) == {"token": "told"}
    assert str(hues.origin("hue", "token")) == f"file {tmp_path / 'elsewhere'}"


def test_what_hub_toml_says_is_not_made_up_for_by_another_place(tmp_path: Path) -> None:
    file(tmp_path / "secrets" / "hue" / "token", b"home")
    hues = secrets(tmp_path, {variable("hue", "token"): "environment"}, token={"file": "elsewhere"})
    assert "elsewhere cannot be read: No such file or directory" in refused(hues)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("in the open", "token: holds a secret in the open"),
        ({}, "give one of file, command and environment"),
        ({"file": "a", "environment": "B"}, "give one of file, command and environment"),
        ({"value": "in the open"}, "unknown key"),
        ({"command": []}, "command"),
        ({"command": "pass show"}, "command"),
        ({"environment": "no name"}, "environment"),
        ({"file": ""}, "file"),
    ],
)
def test_hub_toml_says_one_place_and_never_a_value(tmp_path: Path, told: Any, why: str) -> None:
    make_home(tmp_path, ROOT / "config", [], {})
    path = tmp_path / "config" / "hub.toml"
    said = (
        f"{told}".replace(": ", " = ").replace("{'", "{").replace("' =", " =").replace(", '", ", ")
    )
    said = said if isinstance(told, dict) else f"'{told}'"
    path.write_text(
        f"{path.read_text(encoding='utf-8')}\n[secrets.hue]\ntoken = {said}\n", encoding="utf-8"
    )
    with pytest.raises(ConfigurationError, match=why) as refusal:
        load(tmp_path)
    assert "in the open" not in str(refusal.value).replace("holds a secret in the open", "")


def test_no_file_of_config_holds_a_secret_because_backups_copy_it(tmp_path: Path) -> None:
    make_home(tmp_path, ROOT / "config", [], {})
    path = tmp_path / "config" / "hub.toml"
    (tmp_path / "link").symlink_to("config")
    for place in ("config/token", f"{tmp_path}/config/more/token", "link/token"):
        text = path.read_text(encoding="utf-8").split("[secrets")[0]
        path.write_text(
            f"{text}\n[secrets.hue]\ntoken = {{ file = '{place}' }}\n", encoding="utf-8"
        )
        with pytest.raises(
            ConfigurationError, match=r"\[secrets.hue\] token: .* is inside config/"
        ):
            load(tmp_path)


# Files


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_files_last_line_end_is_no_part_of_its_value(tmp_path: Path, end: bytes) -> None:
    file(tmp_path / "f", VALUE.encode() + end)
    assert secrets(tmp_path, token={"file": "f"}).resolve("hue", ["token"]) == {"token": VALUE}


def test_a_value_may_have_many_lines_and_the_mark_of_an_editor(tmp_path: Path) -> None:
    file(tmp_path / "f", b"\xef\xbb\xbf-----BEGIN-----\nx\n\n")
    assert secrets(tmp_path, token={"file": "f"}).resolve("hue", ["token"]) == {
        "token": "-----BEGIN-----\nx\n"
    }


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620, 0o601])
def test_a_file_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    file(tmp_path / "f", mode=mode)
    why = refused(secrets(tmp_path, token={"file": "f"}))
    assert f"is open to others (mode {mode:04o}): chmod 600 {tmp_path / 'f'}" in why
    file(tmp_path / "f", mode=0o400)
    assert secrets(tmp_path, token={"file": "f"}).resolve("hue", ["token"]) == {"token": VALUE}


def test_a_unit_s_credential_may_look_as_if_its_group_could_read_it(tmp_path: Path) -> None:
    """As systemd makes them where the unit has a user: github.com/systemd/systemd/issues/29435."""
    path = file(tmp_path / "credentials" / "qt", mode=0o440)
    here = {"CREDENTIALS_DIRECTORY": str(path.parent)}
    hues = secrets(tmp_path, here, token={"file": str(path)}, other={"file": "outside"})
    assert hues.resolve("hue", ["token"]) == {"token": VALUE}
    file(tmp_path / "outside", mode=0o440)
    assert "is open to others (mode 0440)" in refused(hues, "other")
    path.chmod(0o444)
    assert "is open to others (mode 0444)" in refused(hues)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"abc\xff", "holds bytes that are no UTF-8"),
        ("x".encode("utf-16"), "holds bytes that are no UTF-8"),
        (b"x" * (MOST + 1), f"holds more than {MOST} bytes"),
        (b"x" * (3 * MOST), f"holds more than {MOST} bytes"),
    ],
)
def test_a_file_that_holds_no_value_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    file(tmp_path / "f", content)
    assert refused(secrets(tmp_path, token={"file": "f"})).endswith(f"/f {why}")
    code = f"sys.stdout.buffer.write(open({str(tmp_path / 'f')!r}, 'rb').read())"
    by_command = refused(secrets(tmp_path, token=prints(code)))
    assert why in by_command or "printed more than a secret may hold" in by_command


def test_the_longest_value_is_taken(tmp_path: Path) -> None:
    file(tmp_path / "f", b"\xef\xbb\xbf" + b"x" * MOST + b"\r\n")
    assert secrets(tmp_path, token={"file": "f"}).resolve("hue", ["token"]) == {"token": "x" * MOST}


def test_what_is_no_plain_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    begun = time.monotonic()
    assert "is no plain file" in refused(secrets(tmp_path, token={"file": "pipe"}))
    assert "is no plain file" in refused(secrets(tmp_path, token={"file": "."}))
    assert time.monotonic() - begun < 10


def test_a_file_may_be_a_link_as_where_it_is_mounted(tmp_path: Path) -> None:
    file(tmp_path / "..data" / "token")
    (tmp_path / "token").symlink_to("..data/token")
    assert secrets(tmp_path, token={"file": "token"}).resolve("hue", ["token"]) == {"token": VALUE}


def test_a_file_that_the_hub_may_not_reach_is_said_to_be_so() -> None:
    """Not that it is not set; asked as another user, for root may reach all."""
    if os.geteuid() != 0:
        pytest.skip("becomes another user, as root alone can")
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        secrets(Path(home)).keep("hue", "token", VALUE.encode())
        asks = f"Secrets(Path({home!r}), {{}}, {{}}).resolve('hue', ['token'])"
        imports = "import os; from pathlib import Path; from hub_core.secrets import Secrets"
        code = f"{imports}; os.setuid({pwd.getpwnam('nobody').pw_uid}); {asks}"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
        )
    assert "secrets/hue/token cannot be read: Permission denied" in done.stderr


# Commands


def test_what_a_command_prints_is_the_value(tmp_path: Path) -> None:
    hues = secrets(
        tmp_path,
        {"SAFE": VALUE},
        token=prints("print(os.environ['SAFE'])"),
        here=prints("print(os.getcwd())"),
    )
    assert hues.resolve("hue", ["token", "here"]) == {"token": VALUE, "here": str(tmp_path)}
    hues = secrets(tmp_path, token={"command": ["printf", "%s\\n\\n", "$HOME; `id`"]})
    assert hues.resolve("hue", ["token"]) == {"token": "$HOME; `id`\n"}  # no shell has read it


def test_a_command_that_fails_is_named_with_its_complaint(tmp_path: Path) -> None:
    code = "print('\\n the store is sealed\\nmore', file=sys.stderr); sys.exit(3)"
    why = refused(secrets(tmp_path, token=prints(code)))
    assert (
        why
        == f"secret token of hue: command {sys.executable} ended with exit code 3: the store is sealed"
    )
    why = refused(secrets(tmp_path, token=prints("os.kill(os.getpid(), 15)")))
    assert why.endswith("was ended by SIGTERM")
    hues = secrets(tmp_path, token={"command": ["no-such-command", VALUE]})
    assert refused(hues).endswith(
        "command no-such-command cannot be run: No such file or directory"
    )


def test_a_complaint_beside_a_value_is_not_shown(tmp_path: Path) -> None:
    code = f"print({VALUE!r}); print('cannot store', {VALUE[:8]!r}, file=sys.stderr); sys.exit(1)"
    why = refused(secrets(tmp_path, token=prints(code)))
    assert why.endswith("ended with exit code 1")
    assert VALUE[:8] not in why


def test_a_complaint_of_a_command_that_does_well_is_no_part_of_the_value(tmp_path: Path) -> None:
    hues = secrets(tmp_path, token=prints(f"print('careful', file=sys.stderr); print({VALUE!r})"))
    assert hues.resolve("hue", ["token"]) == {"token": VALUE}


def test_a_command_without_an_answer_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    words = ["sh", "-c", "sleep 600 & echo $! > pid; sleep 600"]
    with pytest.raises(ConfigurationError, match=r"gave no answer within 2 s, and was ended"):
        commands.output(words, 10, os.environ, tmp_path, seconds=2)
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_command_that_closes_what_it_prints_to_is_still_held_to_its_time(tmp_path: Path) -> None:
    words = ["sh", "-c", "exec >&- 2>&-; sleep 600"]
    with pytest.raises(ConfigurationError, match=r"gave no answer within 2 s"):
        commands.output(words, 10, os.environ, tmp_path, seconds=2)


def test_a_command_that_prints_without_end_is_ended(tmp_path: Path) -> None:
    begun = time.monotonic()
    assert "printed more than a secret may hold" in refused(
        secrets(tmp_path, token={"command": ["yes"]})
    )
    hues = secrets(tmp_path, token=prints("sys.stderr.write('x' * 10**7); print('ok')"))
    assert hues.resolve("hue", ["token"]) == {"token": "ok"}  # a complaint may be long
    assert time.monotonic() - begun < commands.SECONDS


def test_an_agent_that_a_command_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    agent = ["sh", "-c", "sleep 600 & echo $! > pid; echo ok"]
    hues = secrets(tmp_path, token={"command": agent})
    assert hues.resolve("hue", ["token"]) == {"token": "ok"}
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # it was still there


def test_a_command_is_not_run_where_that_is_not_asked_for(tmp_path: Path) -> None:
    hues = secrets(tmp_path, token=prints("open('was-run', 'w')"), bad={"file": "nowhere"})
    assert hues.resolve("hue", ["token"], run=False) == {"token": "placeholder"}
    with pytest.raises(ConfigurationError, match="secret bad of hue"):
        hues.resolve("hue", ["token", "bad"], run=False)
    assert not (tmp_path / "was-run").exists()


# The home's own files


def test_a_secret_that_is_kept_is_the_homes_user_s_alone(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets").chmod(0o755)
    before = os.umask(0)
    try:
        hues = secrets(tmp_path)
        path = hues.keep("hue", "token", VALUE.encode() + b"\n")
    finally:
        os.umask(before)
    assert path == tmp_path / "secrets" / "hue" / "token"
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert hues.resolve("hue", ["token"]) == {"token": VALUE}
    assert hues.kept() == [("hue", "token")]
    assert [each.name for each in path.parent.iterdir()] == ["token"]


def test_a_secret_that_root_keeps_belongs_to_the_homes_user(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("gives a file away, as root alone can")
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path, nobody.pw_uid, nobody.pw_gid)
    path = secrets(tmp_path).keep("hue", "token", VALUE.encode())
    assert {each.stat().st_uid for each in (path, path.parent, path.parent.parent)} == {
        nobody.pw_uid
    }


@pytest.mark.parametrize(
    "value", [VALUE, f"{VALUE}\n", f"-----BEGIN-----\n{VALUE}\n-----END-----\n\n", " x "]
)
def test_a_value_comes_back_as_it_was_given_but_for_one_line_end(
    tmp_path: Path, value: str
) -> None:
    hues = secrets(tmp_path)
    hues.keep("hue", "token", value.encode())
    assert hues.resolve("hue", ["token"]) == {"token": value.removesuffix("\n")}


def test_a_secret_that_is_set_anew_is_whole_at_every_moment(tmp_path: Path) -> None:
    hues = secrets(tmp_path)
    path = hues.keep("hue", "token", b"old")
    with path.open("rb") as held:
        hues.keep("hue", "token", b"new")
        assert held.read() == b"old\n"  # another file took its name
    assert hues.resolve("hue", ["token"]) == {"token": "new"}


def test_a_secret_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    hues = secrets(tmp_path)
    (tmp_path / "secrets" / "hue" / "token" / "x").mkdir(parents=True)
    with pytest.raises(StoreError, match="secrets/hue/token cannot be written") as why:
        hues.keep("hue", "token", VALUE.encode())
    assert VALUE not in str(why.value)
    assert [each.name for each in (tmp_path / "secrets" / "hue").iterdir()] == ["token"]


@pytest.mark.parametrize("word", ["", "..", "a/b", "A", "a__b", ".x", "a b", "a\n"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, word: str) -> None:
    for names in ((word, "token"), ("hue", word)):
        with pytest.raises(ConfigurationError, match="words in a-z"):
            secrets(tmp_path).keep(*names, VALUE.encode())
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    ("value", "why"),
    [(b"", "empty"), (b"\n", "empty"), (b"\xff", "UTF-8"), (b"x" * 70_000, "65536")],
)
def test_what_can_be_no_value_is_not_kept(tmp_path: Path, value: bytes, why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"the value .*{why}"):
        secrets(tmp_path).keep("hue", "token", value)
    assert not (tmp_path / "secrets").exists()


def test_who_refers_to_a_secret(tmp_path: Path) -> None:
    sources = {"thanh_hoa": {"telecom": {"url": "https://x.example/?k=secret:more&ky={period}"}}}
    make_home(tmp_path, ROOT / "config", [ROOT / "plugins"], sources, "http://127.0.0.1:1")
    path = tmp_path / "config" / "deliveries" / "ministry.toml"
    bearer = 'kind = "rest", auth = { kind = "bearer", token = "secret:ministry" }'
    path.write_text(
        path.read_text(encoding="utf-8").replace('kind = "rest"', bearer), encoding="utf-8"
    )
    config = load(tmp_path)
    provinces = {"thanh_hoa": read(ROOT / "plugins" / "thanh_hoa" / "hub_provinces" / "thanh_hoa")}
    assert references(config, provinces) == {
        ("hub", "ministry"): ["delivery of TELECOM to G06", "delivery of DENOMINATORS to G06"],
        ("thanh_hoa", "gateway_token"): ["thanh_hoa/telecom"],
        ("thanh_hoa", "more"): ["thanh_hoa/telecom"],
    }


# Redaction


@given(
    st.text(max_size=30),
    st.lists(st.text(min_size=1, max_size=5), max_size=4),
    st.text(max_size=10),
)
def test_no_secret_is_left_in_a_text(before: str, secrets: list[str], after: str) -> None:
    text = before + "".join(secrets) + after
    redacted = redact(text, secrets).replace(REDACTED, "\x00")
    assert not [
        each for each in secrets if each in redacted and each not in REDACTED and "\x00" not in each
    ]


def test_the_longest_secret_goes_first() -> None:
    assert redact("abcdef", ["abc", "abcdef"]) == REDACTED


def test_a_text_without_secrets_stays() -> None:
    assert redact("cột gt không có", ["mật khẩu", ""]) == "cột gt không có"


@pytest.mark.parametrize(
    "secret", ["a\"b\\c'd", "mật\tkhẩu", "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkq\n"]
)
def test_a_secret_as_python_or_json_writes_it_is_struck_out(secret: str) -> None:
    for text in (
        repr(secret),
        repr({"token": secret}),
        json.dumps([secret]),
        json.dumps(secret, ensure_ascii=False),
    ):
        assert redact(text, [secret]).replace("token", "").strip("[]{}'\": ") == "secret"


def test_a_line_of_a_key_is_struck_out() -> None:
    secret = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkq\n"
    assert redact("bad line MIIEvQIBADANBg", [secret]) == f"bad line {REDACTED}"
    assert redact("kq", [secret]) == "kq"
