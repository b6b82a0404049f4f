from __future__ import annotations

from pathlib import Path

import pytest

from tests.formats.make_example import live


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small home after its night, made by the hub of today."""
    return live(tmp_path_factory.mktemp("formats") / "home")
