"""The schemas of format 1: they do not change, and real manifests are as they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from pydantic import ValidationError as Refused

from hub_core.model.exchange import Landing, Manifest, Receipt, ReleaseManifest
from hub_core.upkeep.backup import ABOUT, About
from tests.formats.make_example import EXAMPLE, SET, collect, opened

FORMATS = EXAMPLE.parent
FORMAT_1 = {
    "backup": "8f203e46fa55ab44a7fb3ebf48f10abbd4d81f9efa1352576734f551d1194ae1",
    "catalogue": "62a82f69f5660090ccece1ed5d99f26d1a24f5bd028cb0cb6b61f6b407eab448",
    "landing": "8a7fc3ca29f4e9082517f21b8ed95222e57879815131325f04607b2941c62804",
    "receipt": "92c3e66b080e18cf71e62e452f540261c5e1d8b6f0307ac90c5191ae3de1a54e",
    "release": "d0a3ebbd3552e50ca989f2f5610d0a9581caca5dde3ffabf0951ae44a666ed0f",
    "submission": "6f33914d9537a07b27834a38f9f8e1c1f2d7503fde5d8330294b0f9c93498e90",
}
MODELS = {
    "backup": About,
    "landing": Landing,
    "receipt": Receipt,
    "release": ReleaseManifest,
    "submission": Manifest,
}
PLACES = {
    "backup": f"backup/{ABOUT}",
    "catalogue": "catalogues/*.json",
    "landing": "landing/*/*/gathers/*/landing.json",
    "receipt": "receipts/*.json",
    "release": "releases/*/manifest.json",
    "submission": "landing/*/*/submissions/*/*/manifest.json",
}
WORDS = ("title", "description")


def schema(name: str) -> Any:
    return json.loads((FORMATS / f"{name}-1.schema.json").read_bytes())


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name), format_checker=FormatChecker(["date"]))


def without_words(told: Any) -> Any:
    """A schema without what it says to people, which may be put better."""
    if isinstance(told, list):
        return [without_words(each) for each in told]
    if not isinstance(told, dict):
        return told
    return {
        key: without_words(value)
        for key, value in told.items()
        if key not in WORDS or not isinstance(value, str)
    }


def manifests(folder: Path, name: str) -> list[Any]:
    found = [json.loads(path.read_bytes()) for path in sorted(folder.glob(PLACES[name]))]
    assert found, f"{folder} has no {PLACES[name]}"
    return found


def optional(name: str) -> list[str]:
    told = schema(name)
    return [key for key in told["properties"] if key not in told["required"]]


@pytest.fixture(scope="module")
def made(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifests that the hub of today makes."""
    folder = tmp_path_factory.mktemp("made")
    collect(home, folder)
    return folder


@pytest.mark.parametrize("name", FORMAT_1)
def test_format_1_does_not_change(name: str) -> None:
    text = json.dumps(without_words(schema(name)), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == FORMAT_1[name], (
        f"{name}-1.schema.json is not as it was recorded: format 1 may not change: make format 2"
    )


def test_every_schema_is_recorded_and_is_one() -> None:
    names = {path.name.removesuffix("-1.schema.json") for path in FORMATS.glob("*.schema.json")}
    assert names == set(FORMAT_1)
    for name in names:
        Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", FORMAT_1)
def test_every_key_says_what_it_is(name: str) -> None:
    def keys(told: Any) -> Iterator[tuple[str, Any]]:
        for each in [told, *told.get("$defs", {}).values()]:
            assert each["title"]
            assert each["description"]
            yield from each["properties"].items()

    assert [key for key, value in keys(schema(name)) if not value.get("description")] == []


@pytest.mark.parametrize("name", FORMAT_1)
def test_the_worked_example_is_as_the_schema_says(name: str) -> None:
    for told in manifests(EXAMPLE, name):
        validator(name).validate(told)


@pytest.mark.parametrize("name", FORMAT_1)
def test_what_the_hub_makes_is_as_the_schema_says(made: Path, name: str) -> None:
    for told in manifests(made, name):
        validator(name).validate(told)


@pytest.mark.parametrize("name", MODELS)
def test_a_key_may_be_absent_where_its_default_is_meant(name: str) -> None:
    for told in manifests(EXAMPLE, name):
        for key in optional(name):
            absent = {other: value for other, value in told.items() if other != key}
            validator(name).validate(absent)
            meant = MODELS[name].model_validate(absent)
            default = schema(name)["properties"][key]["default"]
            assert json.loads(meant.model_dump_json())[key] == default
        for key in set(told) - set(optional(name)):
            absent = {other: value for other, value in told.items() if other != key}
            with pytest.raises(ValidationError):
                validator(name).validate(absent)
            with pytest.raises(Refused):
                MODELS[name].model_validate(absent)


@pytest.mark.parametrize("name", MODELS)
def test_another_key_and_another_format_are_refused(name: str) -> None:
    told = manifests(EXAMPLE, name)[0]
    others = [told | {"another": 1}] + [told | {"format": 2}] * ("format" in told)
    for other in others:
        with pytest.raises(ValidationError):
            validator(name).validate(other)
        with pytest.raises(Refused):
            MODELS[name].model_validate(other)


@pytest.mark.parametrize("label", ["2026", "2026-S2", "2026-N1", "2026-Q4", "2026-M10", "1900"])
def test_a_label_is_a_period(label: str) -> None:
    [told] = manifests(EXAMPLE, "submission")
    validator("submission").validate(told | {"period": label})
    assert Manifest.model_validate(told | {"period": label}).period == label


@pytest.mark.parametrize(
    "label",
    ["2026-M1", "2026-M13", "2026-Q5", "2026-Q01", "2026-S3", "2026-N2", "1899", "3000", ""],
)
def test_no_other_text_is_a_period(label: str) -> None:
    [told] = manifests(EXAMPLE, "submission")
    with pytest.raises(ValidationError):
        validator("submission").validate(told | {"period": label})
    with pytest.raises(Refused):
        Manifest.model_validate(told | {"period": label})


def test_a_backup_set_is_as_its_schema_says(home: Path) -> None:
    validator("backup").validate(json.loads(opened(home / SET)[ABOUT]))
