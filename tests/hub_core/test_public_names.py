"""The public root: names of before 1.0 are refused with the names that they have now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

import hub_core

if TYPE_CHECKING:
    from tests.hub_core.conftest import Nights

RENAMED = {
    "Asked": "RequestedPeriod",
    "Fault": "RowCheck",
    "Found": "Violations",
    "Known": "CachedPart",
    "LeftOut": "QuarantinedRow",
    "Limits": "RuleContext",
    "Whole": "SubmissionView",
}
OLD_RULES = """
from hub_core import Fault, Province, hookimpl


@hookimpl
def hub_province():
    return Province.from_package(__name__)
"""


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_name_is_refused_with_the_new_one(old: str, new: str) -> None:
    with pytest.raises(ImportError, match=f"hub_core.{old} is now called {new}"):
        getattr(hub_core, old)
    assert new in hub_core.__all__


def test_a_name_that_never_was_is_an_attribute_error() -> None:
    assert not hasattr(hub_core, "Nothing")


def test_a_package_for_the_old_names_is_refused_by_check_with_the_new_name(nights: Nights) -> None:
    from hub_core.cli.app import app

    nights.package("old_names", {"hub_provinces/NAME/__init__.py": OLD_RULES})
    result = CliRunner().invoke(app, ["check", "--home", str(nights.make()), "--json"])
    assert result.exit_code == 2
    assert "Fault is now called RowCheck" in result.stdout
    assert "old_names" in result.stdout
