"""What the bench's tests need that others do not."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "index: needs a package index, or environments that were made before"
    )
