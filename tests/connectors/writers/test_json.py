import json

import pytest

from connectors.writers.json import JsonWriter
from hub_core.contracts import Document, Settings


def figure(**told: str) -> dict[str, str]:
    return {
        "indicator": "VT.03",
        "name_vi": "Số thuê bao điện thoại di động",
        "name_en": "Mobile telephone subscriptions",
        "unit": "thuê bao",
        "org_unit": "vn-nghe-an",
        "org_unit_name": "Nghệ An",
        "period": "2025-Q1",
        "calendar": "S",
        "measure": "actual",
        "dims": "",
        "value": "3150517",
        "decimals": "0",
        "status": "A",
        "coverage": "",
        "method": "reported",
        **told,
    }


def document(*figures: dict[str, str]) -> Document:
    return Document(
        manifest={"format": 1, "dataflow": "TELECOM", "reason": "đính chính"},
        manifest_digest="9b" * 32,
        title="Báo cáo",
        title_en="Report",
        period="2025-Q1",
        previous_period="2024-Q4",
        figures=list(figures),
        previous={},
        reporters=[],
    )


def written(*figures: dict[str, str]) -> bytes:
    return JsonWriter(Settings()).write(document(*figures))


def test_manifest_and_digest_stand_before_the_figures() -> None:
    told = json.loads(written(figure()))
    assert list(told) == ["format", "manifest", "manifest_digest", "figures"]
    assert told["format"] == 1
    assert told["manifest"] == document().manifest
    assert told["manifest_digest"] == "9b" * 32


def test_a_figure_has_its_keys_in_fixed_order() -> None:
    [told] = json.loads(written(figure(coverage="5/6", status="P")))["figures"]
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
    [told] = json.loads(written(figure(value=value)))["figures"]
    assert told["value"] == value


def test_a_missing_value_is_null() -> None:
    [told] = json.loads(written(figure(value="", status="M")))["figures"]
    assert told["value"] is None


def test_dimensions_are_unfolded() -> None:
    [told] = json.loads(written(figure(dims="AREA=U;SEX=F")))["figures"]
    assert told["dims"] == {"AREA": "U", "SEX": "F"}


def test_one_figure_a_line_in_utf8_with_a_last_line_feed() -> None:
    content = written(figure(), figure(org_unit="vn-ha-tinh"))
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
    assert written(figure(), figure(dims="AREA=U")) == written(figure(), figure(dims="AREA=U"))


def test_a_release_without_figures_is_valid_json() -> None:
    assert json.loads(written())["figures"] == []
