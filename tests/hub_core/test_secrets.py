from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core.errors import ConfigurationError
from hub_core.province import read
from hub_core.secrets import REDACTED, redact, resolve, variable

words = st.sampled_from(["quang", "tri", "token", "a", "hub"])


def test_a_secret_is_an_environment_variable_of_its_owner() -> None:
    found = resolve("hue", ["token"], {variable("hue", "token"): "mật khẩu", variable("nghe_an", "token"): "khác"})
    assert found == {"token": "mật khẩu"}


def test_all_that_are_not_set_are_named_and_none_that_is() -> None:
    environment = {variable("hue", "a"): "x", variable("hue", "b"): ""}
    with pytest.raises(ConfigurationError) as told:
        resolve("hue", ["a", "b", "c"], environment)
    assert variable("hue", "b") in str(told.value)
    assert variable("hue", "c") in str(told.value)
    assert variable("hue", "a") + " " not in str(told.value) + " "


def test_nothing_wanted_is_nothing_given() -> None:
    assert resolve("hue", [], {variable("hue", "a"): "x"}) == {}


@given(st.lists(words, min_size=2, max_size=4), st.lists(words, min_size=2, max_size=4), st.data())
def test_no_two_owners_share_a_variable(some: list[str], others: list[str], data: st.DataObject) -> None:
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
    told = 'id = "a__b"\nname = "x"\ncontact = "x"\nproviders = []\n'
    (tmp_path / "province.toml").write_text(told, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="id"):
        read(tmp_path)


def test_no_province_reads_the_hubs_own_secrets(tmp_path: Path) -> None:
    (tmp_path / "province.toml").write_text('id = "hub"\nname = "x"\ncontact = "x"\nproviders = []\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="hub"):
        read(tmp_path)


# Redaction


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=5), max_size=4), st.text(max_size=10))
def test_no_secret_is_left_in_a_text(before: str, secrets: list[str], after: str) -> None:
    text = before + "".join(secrets) + after
    told = redact(text, secrets).replace(REDACTED, "\x00")
    assert not [each for each in secrets if each in told and each not in REDACTED and "\x00" not in each]


def test_the_longest_secret_goes_first() -> None:
    assert redact("abcdef", ["abc", "abcdef"]) == REDACTED


def test_a_text_without_secrets_stays() -> None:
    assert redact("cột gt không có", ["mật khẩu", ""]) == "cột gt không có"
