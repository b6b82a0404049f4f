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

from connectors.text.json_rows import split_rows
from hub_core import PayloadPart, Reader, Settings, SourceChanged

LARGE = 16 << 20  # bytes from which on polars, which takes eight times as many, is not asked
PEEK = 1 << 16  # bytes in which the first row is looked for
# what is written out; 1e999999999 would fill the memory
SMALL_EXPONENT = re.compile(r"[eE][+-]?0*[0-9]{1,2}$")
NUMBER = "#number"
COLUMNS = 512  # different keys of a payload's rows
OWN = {"row", "column", "part", "#refused"}  # what the hub calls its own columns
CHUNK = 1000  # rows
# what a place that is not there raises
UNREAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError)


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
    an object holds twice the last one counts.
    """

    kind = "json"
    Settings = JsonSettings
    settings: JsonSettings

    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        """Yield one frame, its columns in the order in which they first appear.

        None for an empty array.
        """
        try:
            raw = self._only_array(part) or self._array(part)
            frame = _text_frame(raw)
            if frame is None:
                frame = _exact_frame(_ARRAY.decode(raw), part)
            else:
                _check_names(frame.columns, part)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _refuse(part, self.settings.rows, error)
        if frame.height:
            yield frame.with_columns(pl.int_range(pl.len(), dtype=pl.UInt64).alias("row"))

    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        """Return the part's name with the JSON pointer of a cell, and the cell's text.

        A number comes as it is written. Raises SourceChanged where the place is not there.
        """
        try:
            return self._cell(part, _NODE.decode(self._array(part)), row, column)
        except UNREAD as error:
            _refuse(part, f"{self.settings.rows}/{row}", error)

    def locate_all(
        self, part: PayloadPart, places: list[tuple[int, str | None]]
    ) -> dict[tuple[int, str | None], tuple[str, str]]:
        """Locate the places that are there, with the array taken apart once."""
        located = {}
        try:
            rows = _NODE.decode(self._array(part))
        except UNREAD as error:
            _refuse(part, self.settings.rows, error)
        for row, column in places:
            with suppress(*UNREAD):
                located[row, column] = self._cell(part, rows, row, column)
        return located

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
        raw = b"" if name is None or name not in cells else bytes(_child(cells, name)).strip()
        if name is not None:
            pointer += "/" + name.replace("~", "~0").replace("/", "~1")
        text = msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()
        return f"{part.name} {pointer}", text

    def _only_array(self, part: PayloadPart) -> bytes | None:
        """Return the bytes of the array of rows, not yet read.

        None where the document may have another array, or where the array is not at the pointer.
        """
        split = split_rows(part.content.removeprefix(b"\xef\xbb\xbf"))
        if split is None:
            return None
        try:
            return split[1] if bytes(self._at_rows(split[0], part)).strip() == b"[]" else None
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
        """Return the bytes of the array of rows: well-formed, and not too deep.

        Raises SourceChanged where there is no array.
        """
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
    beginning = " ".join(part.content[:400].decode("utf-8", "replace").split())[:80]
    if isinstance(error, LookupError):
        why = f"{pointer} is not there"
    elif isinstance(error, RecursionError):
        why = "JSON is nested too deeply"
    elif beginning.startswith("<"):
        why = f"HTML or XML where JSON was expected, as {part.media_type}: {beginning}"
    else:
        why = f"broken JSON, as {part.media_type} ({error}): {beginning}"
    raise SourceChanged(why, part=part.name) from error


def _text_frame(raw: bytes) -> pl.DataFrame | None:
    """Return the rows where each has the first row's keys, once each, and only texts; else None.

    That is proven by counting. With no null in the frame each row has the n keys; as many colons as
    cells leave no other key; four quotes a cell leave no value but texts. Escaped quotes would
    upset the count, and polars would read a lone surrogate as NUL.
    """
    first_row = _first_row(raw) if len(raw) < LARGE else {}
    if not first_row or not all(isinstance(value, str) for value in first_row.values()):
        return None
    quotes = raw.count(b'"')
    if quotes % (4 * len(first_row)) or (
        quotes != 4 * raw.count(b":") and quotes != 4 * _quoted_keys(raw)
    ):
        return None
    if b"\\" in raw and any(escape in raw for escape in (b'\\"', b"\\ud", b"\\uD")):
        return None
    try:
        frame = pl.read_json(raw, schema=dict.fromkeys(first_row, pl.String))
    except pl.exceptions.PolarsError:
        return None
    is_proven = frame.height * len(first_row) * 4 == quotes and not any(frame.null_count().row(0))
    return frame if is_proven else None


def _quoted_keys(raw: bytes) -> int:
    """Return how many keys there are at most.

    They are the colons after a quote, where no colon stands after a space.
    """
    is_spaced = any(space in raw and space + b":" in raw for space in (b" ", b"\t", b"\n", b"\r"))
    return raw.count(b":" if is_spaced else b'":')


def _first_row(raw: bytes) -> dict[str, Any]:
    text = raw[:PEEK].decode("utf-8", "replace")
    try:
        first, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except (ValueError, RecursionError):
        return {}
    return dict(first)


def _exact_frame(raws: list[msgspec.Raw], part: PayloadPart) -> pl.DataFrame:
    """Return the rows as columns, each number checked for what it is.

    A thousand at a time, which stays in the cache.
    """
    frames = [pl.DataFrame()]
    all_names: set[str] = set()
    for start in range(0, len(raws), CHUNK):
        rows = _decoded(raws[start : start + CHUNK], start, part)
        names: dict[str, Any] = {}
        for row in rows:
            names.update(row)
        all_names.update(names)
        _check_names(all_names, part)
        columns = [
            column
            for name in names
            for column in _columns(name, [row.get(name) for row in rows], start, part)
        ]
        columns_by_name = {column.name: column for column in columns}
        frames.append(
            pl.DataFrame(columns_by_name) if columns_by_name else pl.DataFrame(height=len(rows))
        )
    table = pl.concat(frames, how="diagonal", rechunk=True)
    for column in [name for name in table.columns if name.endswith(NUMBER)]:
        table = _with_whole_numbers(table, column.removesuffix(NUMBER))
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
    if reserved := [name for name in names if name in OWN or name.endswith(NUMBER)]:
        raise SourceChanged(
            f"a column is named {reserved[0]}, which is the hub's own word", part=part.name
        )


def _columns(name: str, values: list[Any], start: int, part: PayloadPart) -> list[pl.Series]:
    kinds = set(map(type, values))
    if kinds <= {str, type(None)}:
        return [pl.Series(name, values, dtype=pl.String)]
    if kinds & {dict, list}:
        row = start + next(
            offset for offset, value in enumerate(values) if isinstance(value, dict | list)
        )
        raise SourceChanged(f"column {name} holds an object or an array", part=part.name, row=row)
    if bool in kinds:
        values = [str(value).lower() if isinstance(value, bool) else value for value in values]
    texts = pl.Series(
        name, [value if type(value) is str else None for value in values], dtype=pl.String
    )
    if not kinds & {int, _Number}:
        return [texts]
    numbers = [_plain_decimal(value) if type(value) in {int, _Number} else None for value in values]
    return [texts, pl.Series(name + NUMBER, numbers, dtype=pl.String)]


def _with_whole_numbers(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Join a column and its numbers as one, where it has no text and its numbers are whole.

    They are joined only where every number is below 38 digits.
    """
    numbers = table[name + NUMBER]
    if table[name].null_count() < table.height or not numbers.str.contains("^-?[0-9]{1,37}$").all():
        return table
    kind = pl.Int64 if (numbers.str.len_bytes() <= 18).all() else pl.Int128
    return table.with_columns(numbers.cast(kind).alias(name)).drop(name + NUMBER)


def _plain_decimal(number: int | _Number) -> str:
    """Return a number as plain decimal text, with the digits that it is written with.

    An absurd exponent stays.
    """
    text = str(number)
    if "e" not in text and "E" not in text:
        return text
    return format(Decimal(text), "f") if SMALL_EXPONENT.search(text) else text
