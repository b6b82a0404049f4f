"""The connectors that come with the hub, offered through the hub's own hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub_core import hookimpl

if TYPE_CHECKING:
    from hub_core import Reader, Sink, Source, Writer


@hookimpl
def hub_connectors() -> list[type[Source] | type[Reader] | type[Writer[Any]] | type[Sink]]:
    """List every built-in connector class.

    They are imported here, so that finding this package costs nothing.
    """
    from connectors.readers.csv import CsvReader
    from connectors.readers.excel import ExcelReader
    from connectors.readers.form import FormReader
    from connectors.readers.json import JsonReader
    from connectors.sinks.rest import RestSink
    from connectors.sources.folder import FolderSource
    from connectors.sources.rest import RestSource
    from connectors.writers.form import FormWriter
    from connectors.writers.json import JsonWriter
    from connectors.writers.quarantine import QuarantineWriter
    from connectors.writers.xlsx import XlsxWriter

    return [
        FolderSource,
        RestSource,
        JsonReader,
        CsvReader,
        ExcelReader,
        FormReader,
        JsonWriter,
        XlsxWriter,
        QuarantineWriter,
        FormWriter,
        RestSink,
    ]
