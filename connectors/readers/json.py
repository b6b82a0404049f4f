"""JSON reader: an array of flat objects, exact to the digit."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any, NoReturn

import msgspec
import polars as pl
from pydantic import Field

from connectors.text.json_rows import apart
from hub_core import PayloadPart, Reader, Settings, SourceChanged

LARGE = 16 << 20  # bytes from which on polars, which takes eight times as many, is not asked
PEEK = 1 << 16  # bytes in which the first row is looked for
SMALL_EXPONENT = re.compile(
    r"[eE][+-]?0*[0-9]{1,2}$"
)  # what is written out; 1e999999999 would fill the memory
NUMBER = "#number"
COLUMNS = 512  # different keys of a payload's rows
OWN = {"row", "column", "part", "#refused"}  # what the hub calls its own columns
CHUNK = 1000  # rows
UNREAD = (
    msgspec.DecodeError,
    UnicodeDecodeError,
    RecursionError,
    LookupError,
)  # what a place that is not there raises


class JsonSettings(Settings):
    """``rows`` is a JSON pointer to the array of rows; empty for the document itself."""

    rows: str = Field(default="", pattern=r"^(/([^~/]|~[01])*)*$")


class _Number(str):
    """A number with a point or an exponent, as it is written."""

    __slots__ = ()


_NODE = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw])
_ANY = msgspec.json.Decoder(msgspec.Raw)
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_ROW = msgspec.json.Decoder(dict[str, Any], float_hook=_Number)
_ROWS = msgspec.json.Decoder(list[dict[str, Any]], float_hook=_Number)


class JsonReader(Reader):
    """Reads rows whose cells are texts, numbers, true, false or null.

    Numbers in a frame: whole ones are Int64 or Int128; a column with any other number, or with
    texts as well, comes as two (see ``Reader.read``). True and false come as texts. Of a key that
    an object holds twice the last stands.
    """

    kind = "json"
    Settings = JsonSettings
    settings: JsonSettings

    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        """One frame with columns in the order in which they first appear.

        None for an empty array.
        """
        try:
            raw = self._alone(part) or self._array(part)
            frame = _texts(raw)
            if frame is None:
                frame = _exact(_ARRAY.decode(raw), part)
            else:
                _check_names(frame.columns, part)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _refuse(part, self.settings.rows, error)
        if frame.height:
            yield frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt64).alias("row"))

    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        """The part's name and the JSON pointer of a cell, and its text or its number as it is written."""
        try:
            return self._cell(part, _NODE.decode(self._array(part)), row, column)
        except UNREAD as error:
            _refuse(part, f"{self.settings.rows}/{row}", error)

    def locate_all(
        self, part: PayloadPart, places: list[tuple[int, str | None]]
    ) -> dict[tuple[int, str | None], tuple[str, str]]:
        """The places that are there, the array taken apart once."""
        found = {}
        try:
            rows = _NODE.decode(self._array(part))
        except UNREAD as error:
            _refuse(part, self.settings.rows, error)
        for row, column in places:
            with suppress(*UNREAD):
                found[row, column] = self._cell(part, rows, row, column)
        return found

    def _cell(
        self,
        part: PayloadPart,
        rows: dict[str, msgspec.Raw] | list[msgspec.Raw],
        row: int,
        column: str | None,
    ) -> tuple[str, str]:
        pointer = f"{self.settings.rows}/{row}"
        name = column
        cells = _NODE.decode(_child(rows, str(row)))
        if name is not None and name not in cells:
            name = name.removesuffix(NUMBER)
        found = b"" if name is None or name not in cells else bytes(_child(cells, name)).strip()
        if name is not None:
            pointer += "/" + name.replace("~", "~0").replace("/", "~1")
        text = msgspec.json.decode(found, type=str) if found.startswith(b'"') else found.decode()
        return f"{part.name} {pointer}", text

    def _alone(self, part: PayloadPart) -> bytes | None:
        """The bytes of the array of rows, not yet read, where the document has no other array."""
        parted = apart(part.content.removeprefix(b"\xef\xbb\xbf"))
        if parted is None:
            return None
        try:
            return parted[1] if bytes(self._at_rows(parted[0], part)).strip() == b"[]" else None
        except (SourceChanged, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None  # the whole document will say what is wrong

    def _at_rows(self, content: bytes, part: PayloadPart) -> bytes | msgspec.Raw:
        raw: bytes | msgspec.Raw = content
        if not self.settings.rows:
            raw = _ANY.decode(raw)
        for token in self.settings.rows.split("/")[1:]:
            try:
                raw = _child(_NODE.decode(raw), token.replace("~1", "/").replace("~0", "~"))
            except (LookupError, msgspec.ValidationError) as error:
                raise SourceChanged(f"{self.settings.rows} is not there", part=part.name) from error
        return raw

    def _array(self, part: PayloadPart) -> bytes:
        """The bytes of the array of rows: well-formed, and not too deep."""
        raw = self._at_rows(part.content.removeprefix(b"\xef\xbb\xbf"), part)
        content = bytes(raw).lstrip(b" \t\r\n")
        if not content.startswith(b"["):
            raise SourceChanged(
                f"{self.settings.rows or 'the document'} is no array", part=part.name
            )
        return content


def _child(node: dict[str, msgspec.Raw] | list[msgspec.Raw], token: str) -> msgspec.Raw:
    if isinstance(node, dict):
        return node[token]
    if not token.isdecimal():
        raise IndexError(token)
    return node[int(token)]


def _refuse(part: PayloadPart, pointer: str, error: Exception) -> NoReturn:
    start = " ".join(part.content[:400].decode("utf-8", "replace").split())[:80]
    if isinstance(error, LookupError):
        why = f"{pointer} is not there"
    elif isinstance(error, RecursionError):
        why = "JSON is nested too deeply"
    elif start.startswith("<"):
        why = f"HTML or XML where JSON was expected, as {part.media_type}: {start}"
    else:
        why = f"broken JSON, as {part.media_type} ({error}): {start}"
    raise SourceChanged(why, part=part.name) from error


def _texts(raw: bytes) -> pl.DataFrame | None:
    """The rows where each has the keys of the first row, once each, and holds texts only; else None.

    That is proven by counting. With no null in the frame each row has the n keys; as many colons as
    cells leave no other key; four quotes a cell leave no value but texts. Escaped quotes would
    upset the count, and polars would read a lone surrogate as NUL.
    """
    first = _first_row(raw) if len(raw) < LARGE else {}
    if not first or not all(isinstance(value, str) for value in first.values()):
        return None
    quotes = raw.count(b'"')
    if quotes % (4 * len(first)) or (
        quotes != 4 * raw.count(b":") and quotes != 4 * _quoted_keys(raw)
    ):
        return None
    if b"\\" in raw and any(escape in raw for escape in (b'\\"', b"\\ud", b"\\uD")):
        return None
    try:
        frame = pl.read_json(raw, schema=dict.fromkeys(first, pl.String))
    except pl.exceptions.PolarsError:
        return None
    proven = frame.height * len(first) * 4 == quotes and not any(frame.null_count().row(0))
    return frame if proven else None


def _quoted_keys(raw: bytes) -> int:
    """How many keys there are at most.

    Colons after a quote, where no colon stands after a space.
    """
    spaced = any(space in raw and space + b":" in raw for space in (b" ", b"\t", b"\n", b"\r"))
    return raw.count(b":" if spaced else b'":')


def _first_row(raw: bytes) -> dict[str, Any]:
    text = raw[:PEEK].decode("utf-8", "replace")
    try:
        first, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except (ValueError, RecursionError):
        return {}
    return dict(first)


def _exact(raws: list[msgspec.Raw], part: PayloadPart) -> pl.DataFrame:
    """The rows as columns, each number checked for what it is.

    A thousand at a time, which stays in the cache.
    """
    frames = [pl.DataFrame()]
    seen: set[str] = set()
    for start in range(0, len(raws), CHUNK):
        rows = _decoded(raws[start : start + CHUNK], start, part)
        names: dict[str, Any] = {}
        for row in rows:
            names.update(row)
        seen.update(names)
        _check_names(seen, part)
        columns = [
            column
            for name in names
            for column in _columns(name, [row.get(name) for row in rows], start, part)
        ]
        named = {column.name: column for column in columns}
        frames.append(pl.DataFrame(named) if named else pl.DataFrame(height=len(rows)))
    table = pl.concat(frames, how="diagonal", rechunk=True)
    for column in [name for name in table.columns if name.endswith(NUMBER)]:
        table = _whole(table, column.removesuffix(NUMBER))
    return table


def _decoded(raws: list[msgspec.Raw], start: int, part: PayloadPart) -> list[dict[str, Any]]:
    try:
        return _ROWS.decode(b"[" + b",".join(raws) + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError):
        for row, raw in enumerate(raws, start):
            try:
                _ROW.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise SourceChanged(
                    f"a row does not read: {error}", part=part.name, row=row
                ) from error
        raise


def _check_names(names: Collection[str], part: PayloadPart) -> None:
    if len(names) > COLUMNS:
        raise SourceChanged(
            f"the rows have {len(names)} different keys, and {COLUMNS} are the limit",
            part=part.name,
        )
    if taken := [name for name in names if name in OWN or name.endswith(NUMBER)]:
        raise SourceChanged(
            f"a column is named {taken[0]}, which is the hub's own word", part=part.name
        )


def _columns(name: str, values: list[Any], start: int, part: PayloadPart) -> list[pl.Series]:
    kinds = set(map(type, values))
    if kinds <= {str, type(None)}:
        return [pl.Series(name, values, dtype=pl.String)]
    if kinds & {dict, list}:
        row = start + next(k for k, value in enumerate(values) if isinstance(value, dict | list))
        raise SourceChanged(f"column {name} holds an object or an array", part=part.name, row=row)
    if bool in kinds:
        values = [str(value).lower() if isinstance(value, bool) else value for value in values]
    texts = pl.Series(
        name, [value if type(value) is str else None for value in values], dtype=pl.String
    )
    if not kinds & {int, _Number}:
        return [texts]
    numbers = [_plain(value) if type(value) in {int, _Number} else None for value in values]
    return [texts, pl.Series(name + NUMBER, numbers, dtype=pl.String)]


def _whole(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """The two columns as one, where it has no text and its numbers are whole and below 38 digits."""
    numbers = table[name + NUMBER]
    if table[name].null_count() < table.height or not numbers.str.contains("^-?[0-9]{1,37}$").all():
        return table
    kind = pl.Int64 if (numbers.str.len_bytes() <= 18).all() else pl.Int128
    return table.with_columns(numbers.cast(kind).alias(name)).drop(name + NUMBER)


def _plain(number: int | _Number) -> str:
    """A number as plain decimal text, with the digits that it is written with.

    An absurd exponent stays.
    """
    text = str(number)
    if "e" not in text and "E" not in text:
        return text
    return format(Decimal(text), "f") if SMALL_EXPONENT.search(text) else text
