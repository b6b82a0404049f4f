"""docs/rest.md: its blocks are accepted, and it names every setting."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from connectors.sources.rest import RestSettings, RestSource
from hub_core.config.province import open_secrets, with_secrets

PAGE = (Path(__file__).parents[3] / "docs" / "rest.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"<!-- source -->\n```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_each_source_on_the_page_is_accepted(block: str) -> None:
    source = tomllib.loads(block)["source"]
    assert source.pop("kind") == "rest"
    assert open_secrets(source) == []
    names = dict.fromkeys(re.findall(r"secret:(\w+)", block), "placeholder")
    assert RestSource.Settings(**with_secrets(source, names))


def test_the_page_names_every_setting() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert len(BLOCKS) >= 5
    assert set(rows) >= set(RestSettings.model_fields)
    for field in ("auth", "pages"):
        kinds = [kind.model_fields for kind in RestSettings.model_fields[field].annotation.__args__]  # type: ignore[union-attr]
        for settings in kinds:
            assert settings["kind"].annotation.__args__[0] in rows  # type: ignore[union-attr]
            assert [
                name for name in settings if f"`{name}`" not in PAGE and f"`{name} =" not in PAGE
            ] == ["kind"]
