from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub_core import errors
from hub_core.errors import HubError, from_dict

CLASSES = [
    cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, HubError)
]
TREE = {
    "ConfigurationError": "HubError",
    "PluginError": "ConfigurationError",
    "MappingError": "ConfigurationError",
    "SourceError": "HubError",
    "SourceUnavailable": "SourceError",
    "SourceRefused": "SourceError",
    "SourceChanged": "SourceError",
    "SubmissionError": "HubError",
    "StateError": "HubError",
    "StoreError": "HubError",
    "AccessError": "HubError",
    "DeliveryError": "HubError",
    "DeliveryUnavailable": "DeliveryError",
    "DeliveryRefused": "DeliveryError",
}
places = st.dictionaries(
    st.sampled_from(errors.PLACES), st.text(max_size=5) | st.integers(0, 2**40)
)


def test_the_tree_is_the_one_that_the_design_draws() -> None:
    assert {cls.__name__: cls.__mro__[1].__name__ for cls in CLASSES if cls is not HubError} == TREE
    assert {cls.__name__ for cls in CLASSES if cls.retryable} == {
        "SourceUnavailable",
        "DeliveryUnavailable",
    }


@pytest.mark.parametrize("cls", CLASSES)
@given(message=st.text(max_size=20), place=places)
def test_an_error_comes_through_json_as_it_was(
    cls: type[HubError], message: str, place: dict[str, Any]
) -> None:
    error = cls(message, **place)
    found = from_dict(json.loads(json.dumps(error.as_dict(), ensure_ascii=False)))
    assert type(found) is cls
    assert (found.message, found.place, found.retryable, str(found)) == (
        message,
        place,
        cls.retryable,
        str(error),
    )


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"error": "Odd", "message": "x"},
        {"error": "HubError"},
        {"error": None, "message": None, "place": None},
        {"error": "SourceError", "message": "x", "place": [1]},
        {"error": "SourceError", "message": "x", "place": {"message": "y"}},
        {"error": "SourceError", "message": "x", "place": {"self": 1}},
        {"error": "SourceError", "message": "x", "place": {"where": {"a": 1}}},
        {"error": "__class__", "message": {"a": 1}},
    ],
)
def test_what_another_process_tells_is_always_some_error(told: dict[str, object]) -> None:
    found = from_dict(told)
    assert isinstance(found, HubError)
    assert str(found)


def test_a_place_is_told_in_one_order_and_only_where_it_is_known() -> None:
    error = HubError("cột lạ", row=7, province="hue", part=None, period="2025-Q1")
    assert str(error) == "cột lạ (province hue, period 2025-Q1, row 7)"
    assert str(HubError("cột lạ")) == "cột lạ"
    assert error.place == {"row": 7, "province": "hue", "period": "2025-Q1"}


def test_the_first_row_is_a_place_too() -> None:
    assert str(HubError("x", row=0)) == "x (row 0)"


def test_whoever_knows_more_adds_to_the_place_and_changes_nothing() -> None:
    error = errors.SourceChanged("x", part="trang 1")
    same = error.located(part="trang 2", province="hue", row=None)
    assert same is error
    assert error.place == {"part": "trang 1", "province": "hue"}


def test_an_error_is_raised_and_caught_by_its_parents() -> None:
    for cls in CLASSES:
        with pytest.raises(HubError, match="x"):
            raise cls("x")
    assert not issubclass(errors.SourceError, errors.ConfigurationError)
