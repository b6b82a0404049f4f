"""The pages of an answer: what is asked after each of them, until it is sure that there are no more.

``walk`` yields the address to ask and is sent the page that came.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar
from urllib.parse import quote, unquote_plus

import msgspec
from pydantic import Field, StringConstraints, model_validator

from connectors.text.json_rows import apart
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
        """One address."""
        yield url


class NextLink(Settings):
    """Each page holds the address of the next at a JSON pointer.

    Null, empty or absent on the last.
    """

    kind: Literal["next_link"]
    at: Pointer

    def walk(self, url: httpx.URL) -> Walk:
        """Link after link, without user, password and fragment."""
        import httpx

        while True:
            part = yield url
            link = (told(part, self.at, _LINK) or "").strip()
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
        """Cursor after cursor."""
        while True:
            part = yield url
            cursor = told(part, self.at, _CURSOR)
            if cursor is None or cursor == "":
                return
            url = _with(url, self.parameter, cursor)


class _Counted(Settings):
    """Pages by number, whose rows are counted at the JSON pointer ``rows``.

    The end is where ``total`` rows have come, where ``more`` is false, or, without either, a page
    without rows.
    """

    rows: PointerOrWhole
    total: Pointer | None = None
    more: Pointer | None = None

    @model_validator(mode="after")
    def _one_end(self) -> _Counted:
        if self.total is not None and self.more is not None:
            raise ValueError("give total or more, not both")
        return self

    def _is_last(self, part: PayloadPart, count: int, seen: int, totals: set[int]) -> bool:
        if self.total is not None:
            total = told(part, self.total, _TOTAL)
            totals.add(total)
            if len(totals) > 1:
                raise SourceUnavailable(
                    f"the total changed while it was read: {sorted(totals)}", part=part.name
                )
            if seen > total or (seen < total and not count):
                raise SourceChanged(f"{seen} rows came, and the total is {total}", part=part.name)
            return seen == total
        if self.more is not None:
            more = told(part, self.more, _MORE)
            if more and not count:
                raise SourceChanged(
                    "a page has no rows and says that there are more", part=part.name
                )
            return not more
        return not count


class ByPage(_Counted):
    """Pages by number, all of one size but the last; the size is what the first page has."""

    kind: Literal["page"]
    parameter: Parameter = "page"
    first: int = Field(default=1, ge=0)

    def walk(self, url: httpx.URL) -> Walk:
        """Number after number.

        Raises SourceChanged where a page that is not the last is smaller or larger than the first:
        rows would be lost, or come twice.
        """
        number, size, seen, short = self.first, 0, 0, False
        totals: set[int] = set()
        while True:
            part = yield _with(url, self.parameter, number)
            count = len(told(part, self.rows, _ROWS))
            size = size or count
            if count > size or (count and short):
                raise SourceChanged(
                    f"the size of pages changed from {size} rows: this one has {count}",
                    part=part.name,
                )
            seen, short = seen + count, count < size
            if self._is_last(part, count, seen, totals):
                return
            number += 1


class ByOffset(_Counted):
    """Pages by the number of rows before them; a page may be of any size."""

    kind: Literal["offset"]
    parameter: Parameter = "offset"
    first: int = Field(default=0, ge=0)

    def walk(self, url: httpx.URL) -> Walk:
        """As many rows on as have come."""
        seen = 0
        totals: set[int] = set()
        while True:
            part = yield _with(url, self.parameter, self.first + seen)
            count = len(told(part, self.rows, _ROWS))
            seen += count
            if self._is_last(part, count, seen, totals):
                return


AnyPaging = Annotated[OnePage | NextLink | Cursor | ByPage | ByOffset, Field(discriminator="kind")]


def told(part: PayloadPart, pointer: str, what: msgspec.json.Decoder[T]) -> T:
    """What stands at a JSON pointer through objects, null where nothing does.

    Raises SourceChanged.
    """
    content = part.content.removeprefix(b"\xef\xbb\xbf")
    try:
        return what.decode(_beside_rows(content, pointer) or _at(content, pointer))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        start = " ".join(part.content[:400].decode("utf-8", "replace").split())[:80]
        where = f"at {pointer} of this" if pointer else "in this"
        raise SourceChanged(
            f"not what was expected {where} {part.media_type}: {start}", part=part.name
        ) from error


def _at(content: bytes, pointer: str) -> bytes:
    raw: bytes | msgspec.Raw = content
    for token in pointer.split("/")[1:]:
        node = _NODE.decode(raw) or {}
        raw = node.get(token.replace("~1", "/").replace("~0", "~"), msgspec.Raw(b"null"))
    return bytes(raw)


def _beside_rows(content: bytes, pointer: str) -> bytes | None:
    """A text, number or truth at a pointer of a document whose one array is left unread; None where that is not sure.

    Most of a page is its rows, and reading them once is enough: whoever reads them finds what is
    wrong there.
    """
    if (parted := apart(content)) is None:
        return None
    try:
        found = _at(parted[0], pointer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if found[:1] in (b"[", b"{", b"n", b"") else found


def _with(url: httpx.URL, name: str, value: str | int) -> httpx.URL:
    """An address with one parameter set; the others stay as they are written."""
    pairs = url.query.decode("ascii").split("&")
    kept = [pair for pair in pairs if pair and unquote_plus(pair.partition("=")[0]) != name]
    kept.append(f"{quote(name, safe='$[]')}={quote(str(value), safe='')}")
    return url.copy_with(query="&".join(kept).encode("ascii"))
