"""What crosses a border: parts, landings, submissions, orders to a child, releases, receipts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from hub_core.model.canonical import canonical
from hub_core.model.period import Period
from hub_core.model.validators import ETag, HttpDate

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
GatherId = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}-[0-9]{8}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


def _label(text: str) -> str:
    """A period's label as the hub writes it, and nothing else: it becomes the name of a folder."""
    return str(Period.parse(text))


class Exchanged(BaseModel):
    """Frozen, and strict about what it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(Exchanged):
    """A payload part as landed: ``digest`` is the sha256 of the bytes received, ``name`` the sender's word for it.

    ``etag`` and ``last_modified`` are what the service says that they are known by, to who asks the
    same question; ``question`` is a digest of that and of who asked.
    """

    digest: Digest
    size: int
    media_type: str
    origin: str
    name: str
    question: Digest | None = None
    etag: ETag | None = None
    last_modified: HttpDate | None = None


class OfAGather(Exchanged):
    """What belongs to one gather: its id is the start of its origin and its sequence."""

    gather: GatherId
    sequence: int = Field(ge=1)
    origin_start: date

    @model_validator(mode="after")
    def _agrees_with_its_id(self) -> Self:
        if self.gather != f"{self.origin_start:%Y%m%d}-{self.sequence:08d}":
            raise ValueError(
                f"gather {self.gather} does not agree with its origin_start and sequence"
            )
        return self


class Landing(OfAGather):
    """The bytes of one gather on disk; ``why`` says what cut it off where it is not complete."""

    format: Literal[1] = 1
    province: Slug
    provision: Slug
    periods: list[str]
    parts: list[Part]
    complete: bool
    why: str | None = None
    landed_at: datetime


class FindingCount(Exchanged):
    """A finding as it stands in a manifest."""

    code: str
    severity: Literal["info", "warning", "error", "blocking"]
    vi: str = ""
    en: str = ""
    rows: int
    text: str = ""
    part: int | None = None
    row: int | None = None
    column: str | None = None
    field: str = ""


class Digests(Exchanged):
    """What a submission's figures are, and what made them."""

    content: Digest
    quarantine: Digest
    catalogue: Digest
    mapping: Digest
    rules: Digest
    plugin: Digest


class Manifest(OfAGather):
    """A sealed submission: written last, it is the commit point of its folder."""

    format: Literal[1] = 1
    replay: int = Field(ge=0)
    province: Slug
    provision: Slug
    provider: str
    dataflow: str
    calendar: Literal["S", "A"]
    period: Annotated[str, AfterValidator(_label)]
    kind: Literal["figures", "nil", "withdrawal"] = "figures"
    nil: bool = False
    reason: str = ""
    sender: str
    predecessor: Digest | None = None
    lent: list[Digest] = []
    parts: list[Part]
    rows: int
    quarantined: int
    counts: dict[str, int]
    findings: list[FindingCount]
    digests: Digests
    reading: Digest | None = None
    files: dict[str, Digest]
    sealed_at: datetime

    @property
    def blocked(self) -> list[str]:
        """The codes that hold this submission until somebody decides."""
        return sorted({f.code for f in self.findings if f.severity == "blocking"})


class Plugin(Exchanged):
    """Where a package is.

    Its module, its folder where none of the hub's libraries, its own environment if any.
    """

    name: str
    module: str
    root: str
    folder: str | None = None
    environment: str | None = None
    version: str = ""


class PreviousReading(Exchanged):
    """What stands of the gather before.

    The parts that it read, and what all that read them came to (a digest).
    """

    gather: GatherId
    reading: Digest
    parts: list[Digest]
    periods: list[str]


class GatherOrder(Exchanged):
    """All that a child is told to gather one provision.

    ``source`` is put over the package's own, ``replay_of`` names the landing to read again,
    ``baseline`` the folders of the submissions that stand, by period, and ``previous_landing`` the
    folder of the gather whose parts may still stand at their service.
    """

    kind: Literal["gather"] = "gather"
    gather: GatherId
    replay: int
    sequence: int
    origin_start: date
    plugin: Plugin
    trusted: list[str]
    provision: Slug
    periods: list[str]
    catalogue: str
    speaks_for: list[str]
    indicators: list[str]
    baseline: dict[str, str] = {}
    previous_reading: PreviousReading | None = None
    previous_landing: str | None = None
    source: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    allow_loopback: bool = False
    scratch: str
    replay_of: str | None = None
    now: datetime


class LocateOrder(Exchanged):
    """Ask a child where cells stand in one landed part, and what was written there.

    ``places`` are rows and columns as the reader counts and names them; ``cells`` asks for their
    whole rows too.
    """

    kind: Literal["locate"] = "locate"
    plugin: Plugin
    trusted: list[str]
    provision: Slug
    parts: str
    part: Part
    places: list[tuple[int, str | None]]
    cells: bool = False


class CheckOrder(Exchanged):
    """Ask a child whether a province's package loads and its declarations hold."""

    kind: Literal["check"] = "check"
    plugin: Plugin
    trusted: list[str]
    catalogue: str
    sources: dict[str, dict[str, Any]] = {}


class Gathered(Exchanged):
    """What a child answers to a gather: how it went and what it left in its scratch folder.

    ``unchanged``: every part is as it was, and nothing was read.
    """

    landing: Landing | None = None
    submissions: list[str] = []
    unchanged: bool = False
    counts: dict[str, int] = {}
    no_data: list[str] = []
    notes: list[str] = []
    error: dict[str, object] | None = None


class Located(Exchanged):
    """A place in the sender's terms and the text that stands there; ``cells`` are its whole row, by column.

    Where nobody could read it, ``read`` is false and ``text`` says why.
    """

    locator: str
    text: str
    cells: dict[str, str] = {}
    read: bool = True

    @classmethod
    def unread(cls, part: Part, row: int, column: str | None, why: str) -> Self:
        """A place that nobody could read, in the hub's own terms, and why."""
        return cls(locator=f"{part.name}, row {row}, column {column}", text=f"({why})", read=False)


class Reporter(Exchanged):
    """An expected reporter in a release's manifest."""

    provider: str
    province: str
    org_units: list[str]
    state: Literal["in", "missing", "late", "nil", "carried forward", "held"]
    provisions: list[str] = []


class Used(Exchanged):
    """A submission that a release is made of."""

    province: str
    provision: str
    dataflow: str
    calendar: str
    period: str
    revision: int
    content_digest: Digest


class ReleaseManifest(Exchanged):
    """What a release is made of; no gather id, and no time but ``now``."""

    format: Literal[1] = 1
    dataflow: str
    calendar: Literal["S", "A"]
    period: str
    version: int
    reason: str
    reporters: list[Reporter]
    submissions: list[Used]
    coverage: dict[str, str]
    catalogue: Digest
    figures: int
    figures_digest: Digest
    previous: Digest | None
    now: datetime

    def made_of(self, catalogue: str, reporters: list[Reporter], submissions: list[Used]) -> bool:
        """Whether it is made of these, by this catalogue: the same figures then."""
        same = [sorted(map(canonical, each)) for each in (reporters, self.reporters)]
        used = [sorted(map(canonical, each)) for each in (submissions, self.submissions)]
        return catalogue == self.catalogue and same[0] == same[1] and used[0] == used[1]


class Receipt(Exchanged):
    """A recipient's answer to a delivery.

    ``rejected`` lists figures it does not take, with its words.
    """

    delivery: str
    state: Literal["received", "accepted", "accepted with remarks", "rejected"]
    reference: str = ""
    message: str = ""
    rejected: list[dict[str, str]] = []
