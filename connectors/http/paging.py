"""The pages of an answer: which address to ask next, and when there are surely no more.

``walk`` yields the address to ask and is sent the page that came.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from urllib.parse import quote, unquote_plus

import msgspec
from pydantic import Field, StringConstraints, model_validator

from connectors.text.json_rows import split_rows
from hub_core import PayloadPart, Settings, SourceChanged, SourceUnavailable

if TYPE_CHECKING:
    import httpx

    Walk = Generator[httpx.URL, PayloadPart, None]

T = TypeVar("T")

Pointer = Annotated[str, StringConstraints(pattern=r"^(/([^~/]|~[01])*)+$")]
PointerOrWhole = Annotated[str, StringConstraints(pattern=r"^(/([^~/]|~[01])*)*$")]
Parameter = Annotated[str, StringConstraints(pattern=r"^[\w.$\[\]-]+$")]

_NODE = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_LINK = msgspec.json.Decoder(str | None)
_CURSOR = msgspec.json.Decoder(str | int | None)
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_TOTAL = msgspec.json.Decoder(int)
_MORE = msgspec.json.Decoder(bool)


class OnePage(Settings):
    """The service gives all at once."""

    kind: Literal["none"] = "none"

    def walk(self, url: httpx.URL) -> Walk:
        """Yield the one address."""
        yield url


class NextLink(Settings):
    """Each page holds the address of the next at a JSON pointer.

    It is null, empty or absent on the last page.
    """

    kind: Literal["next_link"]
    at: Pointer

    def walk(self, url: httpx.URL) -> Walk:
        """Yield link after link, each without user, password and fragment."""
        import httpx

        while True:
            part = yield url
            link = (value_at(part, self.at, _LINK) or "").strip()
            if not link:
                return
            try:
                url = url.join(link).copy_with(fragment=None, userinfo=b"")
            except httpx.InvalidURL as error:
                raise SourceChanged(
                    f"no address of a next page at {self.at}: {link[:80]}", part=part.name
                ) from error


class Cursor(Settings):
    """Each page holds a word that asks for the next; null, empty or absent on the last."""

    kind: Literal["cursor"]
    parameter: Parameter = "cursor"
    at: Pointer

    def walk(self, url: httpx.URL) -> Walk:
        """Yield the address with cursor after cursor."""
        while True:
            part = yield url
            cursor = value_at(part, self.at, _CURSOR)
            if cursor is None or cursor == "":
                return
            url = _with_parameter(url, self.parameter, cursor)


class _Counted(Settings):
    """Pages by number, whose rows are counted at the JSON pointer ``rows``.

    The last page is that with which ``total`` rows have come, or where ``more`` is false; without
    either, it is a page without rows.
    """

    rows: PointerOrWhole
    total: Pointer | None = None
    more: Pointer | None = None

    @model_validator(mode="after")
    def _one_end(self) -> _Counted:
        if self.total is not None and self.more is not None:
            raise ValueError("give total or more, not both")
        return self

    def _is_last(
        self, part: PayloadPart, page_rows: int, rows_so_far: int, totals: set[int]
    ) -> bool:
        if self.total is not None:
            total = value_at(part, self.total, _TOTAL)
            totals.add(total)
            if len(totals) > 1:
                raise SourceUnavailable(
                    f"the total changed while it was read: {sorted(totals)}", part=part.name
                )
            if rows_so_far > total or (rows_so_far < total and not page_rows):
                raise SourceChanged(
                    f"{rows_so_far} rows came, and the total is {total}", part=part.name
                )
            return rows_so_far == total
        if self.more is not None:
            more = value_at(part, self.more, _MORE)
            if more and not page_rows:
                raise SourceChanged(
                    "a page has no rows and says that there are more", part=part.name
                )
            return not more
        return not page_rows


class ByPage(_Counted):
    """Pages by number, all of one size but the last; the size is what the first page has."""

    kind: Literal["page"]
    parameter: Parameter = "page"
    first: int = Field(default=1, ge=0)

    def walk(self, url: httpx.URL) -> Walk:
        """Yield the address with number after number.

        Raises SourceChanged where a page that is not the last is smaller or larger than the first:
        rows would be lost, or come twice.
        """
        number, page_size, rows_so_far, had_short_page = self.first, 0, 0, False
        totals: set[int] = set()
        while True:
            part = yield _with_parameter(url, self.parameter, number)
            page_rows = len(value_at(part, self.rows, _ROWS))
            page_size = page_size or page_rows
            if page_rows > page_size or (page_rows and had_short_page):
                raise SourceChanged(
                    f"the size of pages changed from {page_size} rows: this one has {page_rows}",
                    part=part.name,
                )
            rows_so_far, had_short_page = rows_so_far + page_rows, page_rows < page_size
            if self._is_last(part, page_rows, rows_so_far, totals):
                return
            number += 1


class ByOffset(_Counted):
    """Pages by the number of rows before them; a page may be of any size."""

    kind: Literal["offset"]
    parameter: Parameter = "offset"
    first: int = Field(default=0, ge=0)

    def walk(self, url: httpx.URL) -> Walk:
        """Yield the address of the rows after those that have come."""
        rows_so_far = 0
        totals: set[int] = set()
        while True:
            part = yield _with_parameter(url, self.parameter, self.first + rows_so_far)
            page_rows = len(value_at(part, self.rows, _ROWS))
            rows_so_far += page_rows
            if self._is_last(part, page_rows, rows_so_far, totals):
                return


AnyPaging = Annotated[OnePage | NextLink | Cursor | ByPage | ByOffset, Field(discriminator="kind")]


def value_at(part: PayloadPart, pointer: str, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode the value at a JSON pointer through objects, null where nothing is there.

    Raises SourceChanged where the page cannot be decoded, or the value is of another kind.
    """
    content = part.content.removeprefix(b"\xef\xbb\xbf")
    try:
        return decoder.decode(_beside_rows(content, pointer) or _raw_at(content, pointer))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        beginning = " ".join(part.content[:400].decode("utf-8", "replace").split())[:80]
        where = f"at {pointer} of this" if pointer else "in this"
        raise SourceChanged(
            f"not what was expected {where} {part.media_type}: {beginning}", part=part.name
        ) from error


def _raw_at(content: bytes, pointer: str) -> bytes:
    raw: bytes | msgspec.Raw = content
    for token in pointer.split("/")[1:]:
        node = _NODE.decode(raw) or {}
        raw = node.get(token.replace("~1", "/").replace("~0", "~"), msgspec.Raw(b"null"))
    return bytes(raw)


def _beside_rows(content: bytes, pointer: str) -> bytes | None:
    """Return the text, number or truth at a pointer, leaving the document's one array unread.

    None where that is not sure. Most of a page is its rows, and reading them once is enough:
    whoever reads them finds what is wrong there.
    """
    if (split := split_rows(content)) is None:
        return None
    try:
        value = _raw_at(split[0], pointer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if value[:1] in (b"[", b"{", b"n", b"") else value


def _with_parameter(url: httpx.URL, name: str, value: str | int) -> httpx.URL:
    """Return an address with one parameter set; the others stay as they are written."""
    pairs = url.query.decode("ascii").split("&")
    kept_pairs = [pair for pair in pairs if pair and unquote_plus(pair.partition("=")[0]) != name]
    kept_pairs.append(f"{quote(name, safe='$[]')}={quote(str(value), safe='')}")
    return url.copy_with(query="&".join(kept_pairs).encode("ascii"))
