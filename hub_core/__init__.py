"""Liên Thông: the data-exchange hub of a cluster of provinces. This is all that plugins may import."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub_core.config.province import Province
    from hub_core.contracts import (
        Asked,
        Document,
        Form,
        FormLine,
        Known,
        LeftOut,
        PayloadPart,
        Quarantine,
        Reader,
        Request,
        Settings,
        Sink,
        Source,
        Writer,
    )
    from hub_core.errors import (
        DeliveryRefused,
        DeliveryUnavailable,
        PluginError,
        SourceChanged,
        SourceRefused,
        SourceUnavailable,
    )
    from hub_core.hookspecs import hookimpl
    from hub_core.model.exchange import Receipt
    from hub_core.model.finding import RuleText, Severity
    from hub_core.rules import Fault, Found, Limits, Rule, Whole

_HOMES = {
    "contracts": [
        "Asked",
        "Document",
        "Form",
        "FormLine",
        "Known",
        "LeftOut",
        "PayloadPart",
        "Quarantine",
        "Reader",
        "Request",
        "Settings",
        "Sink",
        "Source",
        "Writer",
    ],
    "errors": [
        "DeliveryRefused",
        "DeliveryUnavailable",
        "PluginError",
        "SourceChanged",
        "SourceRefused",
        "SourceUnavailable",
    ],
    "hookspecs": ["hookimpl"],
    "model.exchange": ["Receipt"],
    "model.finding": ["RuleText", "Severity"],
    "config.province": ["Province"],
    "rules": ["Fault", "Found", "Limits", "Rule", "Whole"],
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Asked",
    "DeliveryRefused",
    "DeliveryUnavailable",
    "Document",
    "Fault",
    "Form",
    "FormLine",
    "Found",
    "Known",
    "LeftOut",
    "Limits",
    "PayloadPart",
    "PluginError",
    "Province",
    "Quarantine",
    "Reader",
    "Receipt",
    "Request",
    "Rule",
    "RuleText",
    "Settings",
    "Severity",
    "Sink",
    "Source",
    "SourceChanged",
    "SourceRefused",
    "SourceUnavailable",
    "Whole",
    "Writer",
    "hookimpl",
]


def __getattr__(name: str) -> object:
    """Bind a public name when it is first asked for (PEP 562), so that the root imports nothing."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
