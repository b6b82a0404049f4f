import json

import pytest

from connectors.writers.json import JsonWriter
from hub_core import DocumentFigure, Settings
from hub_core.testing.connectors import document_of, figure_of, written


def bytes_of(*figures: DocumentFigure) -> bytes:
    return written(JsonWriter(Settings()), document_of(*figures))


def test_manifest_and_digest_stand_before_the_figures() -> None:
    told = json.loads(bytes_of(figure_of()))
    assert list(told) == ["format", "manifest", "manifest_digest", "figures"]
    assert told["format"] == 1
    assert told["manifest"] == document_of().manifest
    assert told["manifest_digest"] == "9b" * 32


def test_a_figure_has_its_keys_in_fixed_order() -> None:
    [told] = json.loads(bytes_of(figure_of(coverage="5/6", status="P")))["figures"]
    assert list(told.items()) == [
        ("indicator", "VT.03"),
        ("org_unit", "vn-nghe-an"),
        ("period", "2025-Q1"),
        ("calendar", "S"),
        ("measure", "actual"),
        ("dims", {}),
        ("value", "3150517"),
        ("unit", "thuê bao"),
        ("status", "P"),
        ("coverage", "5/6"),
    ]


@pytest.mark.parametrize("value", ["0", "-12.50", "12345678901234567890.123456", "0.1"])
def test_a_value_is_exact_text(value: str) -> None:
    [told] = json.loads(bytes_of(figure_of(value=value)))["figures"]
    assert told["value"] == value


def test_a_missing_value_is_null() -> None:
    [told] = json.loads(bytes_of(figure_of(value="", status="M")))["figures"]
    assert told["value"] is None


def test_dimensions_are_unfolded() -> None:
    [told] = json.loads(bytes_of(figure_of(dims="AREA=U;SEX=F")))["figures"]
    assert told["dims"] == {"AREA": "U", "SEX": "F"}


def test_one_figure_a_line_in_utf8_with_a_last_line_feed() -> None:
    content = bytes_of(figure_of(), figure_of(org_unit="vn-ha-tinh"))
    lines = content.decode("utf-8").split("\n")
    assert [
        json.loads(line.rstrip(","))["org_unit"]
        for line in lines
        if line.startswith('{"indicator"')
    ] == [
        "vn-nghe-an",
        "vn-ha-tinh",
    ]
    assert lines[-1] == ""
    assert "đính chính".encode() in content


def test_the_same_document_gives_the_same_bytes() -> None:
    assert bytes_of(figure_of(), figure_of(dims="AREA=U")) == bytes_of(
        figure_of(), figure_of(dims="AREA=U")
    )


def test_a_release_without_figures_is_valid_json() -> None:
    assert json.loads(bytes_of())["figures"] == []
