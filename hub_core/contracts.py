"""The four roles of a connector: Source and Sink know protocols, Reader and Writer know formats."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from hub_core.errors import SourceChanged

if TYPE_CHECKING:
    import polars as pl

    from hub_core.model.exchange import Receipt

Where = tuple[int, str | None]  # a row and a column, as a reader counts and names them


class Settings(BaseModel):
    """A connector's settings as they stand in TOML; an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class RequestedPeriod:
    """A period to ask for: its label and the days that it covers."""

    label: str
    first: date
    last: date

    def fill(self, text: str) -> str:
        """Fill in ``{period}``, ``{year}``, ``{first}`` and ``{last}`` in a text."""
        given = {
            "period": self.label,
            "year": self.label[:4],
            "first": str(self.first),
            "last": str(self.last),
        }
        for name, value in given.items():
            text = text.replace("{" + name + "}", value)
        return text


@dataclass(frozen=True)
class PayloadPart:
    """A part as it came: its bytes after transfer and content decoding, and where it is from.

    ``question``: what was asked for it, in full; it may hold secrets, and is written nowhere but as
    a digest. ``etag``, ``last_modified``: what the service says that these bytes are known by (RFC
    9110, section 8.8).
    """

    content: bytes = field(repr=False)
    media_type: str
    origin: str
    name: str
    question: str = field(default="", repr=False)
    etag: str | None = None
    last_modified: str | None = None

    @cached_property
    def digest(self) -> str:
        """The sha256 of its bytes, in lower-case hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class CachedPart:
    """What the gather before was answered to the same question, by the same settings and secrets.

    ``part`` gives it from where it was landed, its bytes checked; None where they are gone or
    damaged.
    """

    etag: str | None
    last_modified: str | None
    part: Callable[[], PayloadPart | None]


def _nothing(question: str) -> CachedPart | None:  # noqa: ARG001 - as every ``cached``
    return None


@dataclass(frozen=True, slots=True)
class Request:
    """What a source is asked: the periods, and the hosts that the province allows.

    ``cached``: what an earlier gather was answered to a question, where its answer had an ETag or a
    date.
    """

    periods: tuple[RequestedPeriod, ...]
    allowed_hosts: tuple[str, ...] = ()
    allow_loopback: bool = False
    cached: Callable[[str], CachedPart | None] = _nothing


class Connector(ABC):
    """Made from its settings; ``kind`` is the word for it in TOML.

    ``starts_processes``: whether it starts any in a child, which only a trusted package's may.
    """

    kind: ClassVar[str]
    starts_processes: ClassVar[bool] = False
    Settings: ClassVar[type[BaseModel]] = Settings

    def __init__(self, settings: BaseModel) -> None:
        self.settings = settings


class Source(Connector):
    """Fetches a payload over one protocol."""

    @abstractmethod
    def fetch(self, request: Request, cursor: str | None) -> Iterator[PayloadPart]:
        """Yield the parts of the payload in order, each before it is looked into.

        Raises SourceUnavailable, SourceRefused or SourceChanged; what was given before then is
        kept.
        """


class Reader(Connector):
    """Reads one format into frames."""

    @abstractmethod
    def read(self, part: PayloadPart) -> Iterator[pl.DataFrame]:
        """Frames of the part's rows: source columns as they are named there, and ``row`` (UInt64 from 0).

        Texts are String, bare numbers are a number type. A column that mixes both comes as two: the
        texts under its name, the numbers as plain decimal text under ``name#number``. ``column``
        may name the source column of each row's figure; ``#refused`` (String) says why the reader
        does not vouch for a row, null where it does; ``#of`` (String) the PROVINCE/PROVISION that a
        payload says it is of. Raises SourceChanged.
        """

    @abstractmethod
    def locate(self, part: PayloadPart, row: int, column: str | None) -> tuple[str, str]:
        """Return the locator of a cell in the sender's terms, and the text that stands there."""

    def locate_all(self, part: PayloadPart, places: list[Where]) -> dict[Where, tuple[str, str]]:
        """Locate many cells: what ``locate`` says of each (row, column) that is there.

        To be overridden where one pass finds many.
        """
        found = {}
        for row, column in places:
            with suppress(SourceChanged):
                found[row, column] = self.locate(part, row, column)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFigure:
    """One figure of a release, named and ready to be written.

    ``value`` is exact decimal text with ``decimals`` decimals, empty where the figure is missing.
    ``coverage`` is *covered/expected* reporters of a total, empty where the figure was reported.
    ``method`` says how it was made: ``reported``, ``sum``, ``ratio`` and so on.
    """

    indicator: str
    name_vi: str
    name_en: str
    unit: str
    org_unit: str
    org_unit_name: str
    period: str
    calendar: str
    measure: str
    dims: str
    value: str
    decimals: int
    status: str
    coverage: str
    method: str


@dataclass(frozen=True, slots=True)
class DocumentReporter:
    """An expected reporter of a release.

    ``state``: in, late, nil, held, missing, or carried forward.
    """

    provider: str
    province: str
    name: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A release as it is handed on: its figures in order, and what a reader of it must know.

    ``manifest`` is the release's manifest as it is kept (docs/formats.md). ``figures`` and
    ``previous``, the figures of the last release of the period before, may be iterated any number
    of times; each time they are read anew and in the order of their keys, so that a release of a
    million figures is never in memory as a whole. ``previous_period`` is the label of the period
    before.
    """

    manifest: dict[str, Any]
    manifest_digest: str
    title: str
    title_en: str
    period: str
    previous_period: str
    figures: Iterable[DocumentFigure]
    previous: Iterable[DocumentFigure]
    reporters: tuple[DocumentReporter, ...]


@dataclass(frozen=True, slots=True)
class FormLine:
    """A figure that a form asks for.

    ``units`` are those in which it may be given, its indicator's own first.
    """

    indicator: str
    name_vi: str
    name_en: str
    org_unit: str
    org_unit_name: str
    units: tuple[str, ...]
    decimals: int


@dataclass(frozen=True, slots=True)
class Form:
    """An empty form of a dataflow for one provider and period."""

    dataflow: str
    title: str
    title_en: str
    province: str
    province_name: str
    provision: str
    provider: str
    provider_name: str
    period: str
    calendar: str
    due: str
    legal: str
    lines: tuple[FormLine, ...]


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A quarantined row: why it was left out, where it stands, and its cells as they came."""

    code: str
    why: str
    why_en: str
    field: str
    text: str
    locator: str
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The quarantine of one submission, for the people who must put it right."""

    province: str
    provision: str
    dataflow: str
    provider: str
    period: str
    revision: int
    admitted_at: str
    rows: tuple[QuarantinedRow, ...]


Written = TypeVar("Written")


class Writer(Connector, Generic[Written]):
    """Writes one sort of document, a release, a form or a quarantine, in one format."""

    writes: ClassVar[type] = Document
    media_type: ClassVar[str]
    suffix: ClassVar[str]

    @abstractmethod
    def write(self, document: Written, file: BinaryIO) -> None:
        """Write a document into a file that is empty, seekable and open for reading and writing.

        The same document gives the same bytes. No cell or field starts a formula.
        """


class Sink(Connector):
    """Sends a document to a recipient.

    ``idempotent``: the recipient keys on our delivery id; ``askable``: it answers *do you have
    it?*.
    """

    idempotent: ClassVar[bool] = False
    askable: ClassVar[bool] = False

    @abstractmethod
    def send(self, delivery: str, file: BinaryIO, media_type: str) -> Receipt:
        """Send a file from its beginning to its end; return the recipient's receipt.

        ``file`` can be sought, and so be sent again. Raises DeliveryUnavailable, also where the
        answer was lost, or DeliveryRefused.
        """

    def ask(self, delivery: str) -> Receipt | None:  # noqa: ARG002 - for those that can be asked
        """Return the receipt that the recipient has for a delivery, or None.

        It is called only where the sink is ``askable``.
        """
        raise TypeError(f"{type(self).__name__} cannot be asked")
