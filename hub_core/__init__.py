"""Liên Thông: the data-exchange hub of a cluster of provinces.

Plugins import from here and nowhere else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub_core.config.province import Province
    from hub_core.contracts import (
        CachedPart,
        Document,
        DocumentFigure,
        DocumentReporter,
        Form,
        FormLine,
        PayloadPart,
        Quarantine,
        QuarantinedRow,
        Reader,
        Request,
        RequestedPeriod,
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
    from hub_core.model.finding import (
        RuleText,
        Severity,
    )
    from hub_core.rules import (
        RowCheck,
        Rule,
        RuleContext,
        SubmissionView,
        Violations,
    )

_HOMES = {
    "config.province": ["Province"],
    "contracts": [
        "CachedPart",
        "Document",
        "DocumentFigure",
        "DocumentReporter",
        "Form",
        "FormLine",
        "PayloadPart",
        "Quarantine",
        "QuarantinedRow",
        "Reader",
        "Request",
        "RequestedPeriod",
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
    "rules": ["RowCheck", "Rule", "RuleContext", "SubmissionView", "Violations"],
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_RENAMED = {  # names of before 1.0, which packages out there still import
    "Asked": "RequestedPeriod",
    "Fault": "RowCheck",
    "Found": "Violations",
    "Known": "CachedPart",
    "LeftOut": "QuarantinedRow",
    "Limits": "RuleContext",
    "Whole": "SubmissionView",
}

__all__ = [
    "CachedPart",
    "DeliveryRefused",
    "DeliveryUnavailable",
    "Document",
    "DocumentFigure",
    "DocumentReporter",
    "Form",
    "FormLine",
    "PayloadPart",
    "PluginError",
    "Province",
    "Quarantine",
    "QuarantinedRow",
    "Reader",
    "Receipt",
    "Request",
    "RequestedPeriod",
    "RowCheck",
    "Rule",
    "RuleContext",
    "RuleText",
    "Settings",
    "Severity",
    "Sink",
    "Source",
    "SourceChanged",
    "SourceRefused",
    "SourceUnavailable",
    "SubmissionView",
    "Violations",
    "Writer",
    "hookimpl",
]


def __getattr__(name: str) -> object:
    """Bind a public name when it is first asked for (PEP 562), so that the root imports nothing.

    Raises ImportError for a name of before 1.0, with the name that it has now.
    """
    if name in _RENAMED:
        raise ImportError(
            f"hub_core.{name} is now called {_RENAMED[name]}: import hub_core.{_RENAMED[name]}"
        )
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
