"""What the suite for packages says where a sample is not what it should be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

import pytest

from hub_core.testing.suite import ProvinceSuite

ROOT = Path(__file__).parents[3]


def suite_of(folder: Path) -> ProvinceSuite:
    package_folder = folder / "quang_tri"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "plugins" / "quang_tri", package_folder, ignore=ignored)

    class Suite(ProvinceSuite):
        package: ClassVar[Path] = package_folder

    return Suite()


def test_a_sample_that_differs_says_provision_file_line_and_difference(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    path = tmp_path / "quang_tri/samples/telecom/2026-M10-invented/observations.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("1702330", "1702331"), encoding="utf-8")
    number = next(n for n, line in enumerate(text.splitlines(), 1) if "1702330" in line)
    with pytest.raises(AssertionError) as failure:
        suite.test_each_sample_gives_exactly_its_observations()
    words = str(failure.value)
    assert f"telecom: {path}, line {number}, is not what the sample gives now" in words
    assert "1702331" in words
    assert "1702330" in words


def test_an_obligation_that_is_missing_is_named_as_such(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    province = tmp_path / "quang_tri/hub_provinces/quang_tri"
    for path in province.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("QUANG_TRI.SKHCN", "QUANG_TRI.STTTT"), encoding="utf-8")
    with pytest.raises(AssertionError, match="nobody obliges QUANG_TRI"):
        suite.test_each_sample_gives_exactly_its_observations()
