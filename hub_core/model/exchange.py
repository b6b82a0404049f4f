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
    """Return a period's label as the hub writes it.

    Nothing else is let through, for the label becomes the name of a folder. Raises ValueError.
    """
    return str(Period.parse(text))


class Exchanged(BaseModel):
    """A model that cannot be changed and that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(Exchanged):
    """A payload part as landed.

    ``digest`` is the sha256 of the bytes received, ``name`` the sender's word for the part.
    ``etag`` and ``last_modified`` are the validators that the service sent with the bytes, for
    whoever asks the same question again. ``question`` is a digest of that question and of who asked
    it.
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
    """What belongs to one gather, whose id is made of its origin's start and its sequence."""

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
    """A finding as it is written in a manifest."""

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
    """The digests of a submission's figures and quarantine, and of what made them."""

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
    """Where a province's package is.

    ``root`` is the folder of its module. ``folder`` is where to import it from; None where it is
    one of the hub's own libraries. ``environment`` is its own environment, where it has one.
    """

    name: str
    module: str
    root: str
    folder: str | None = None
    environment: str | None = None
    version: str = ""


class PreviousReading(Exchanged):
    """The gather before, where all that it sealed is still current.

    ``parts`` are the digests of the parts that it read. ``reading`` is a digest of all that took
    part in reading them.
    """

    gather: GatherId
    reading: Digest
    parts: list[Digest]
    periods: list[str]


class GatherOrder(Exchanged):
    """All that a child is told in order to gather one provision.

    ``source`` is put over the source settings of the package. ``replay_of`` is the folder with the
    landing to read again. ``baseline`` has the folders of the current submissions, by period.
    ``previous_landing`` is the folder of the last gather that went well; its service may say that
    the parts are still the newest.
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
    """Ask a child where cells are in one landed part, and what is written there.

    ``places`` are rows and columns as the reader counts and names them. ``cells`` asks for the
    whole row of each as well.
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

    ``unchanged``: every part is as it was the last time, so none was read again.
    """

    landing: Landing | None = None
    submissions: list[str] = []
    unchanged: bool = False
    counts: dict[str, int] = {}
    no_data: list[str] = []
    notes: list[str] = []
    error: dict[str, object] | None = None


class Located(Exchanged):
    """A place in the sender's terms, and the text that is there.

    ``cells`` are the whole row of the place, by column. Where nobody could read the place, ``read``
    is false and ``text`` says why.
    """

    locator: str
    text: str
    cells: dict[str, str] = {}
    read: bool = True

    @classmethod
    def unread(cls, part: Part, row: int, column: str | None, why: str) -> Self:
        """Name a place that nobody could read, in the hub's own terms, and say why."""
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
        """Tell whether the release is made of these reporters and submissions, by this catalogue.

        Where it is, its figures are the same.
        """
        same_reporters = sorted(map(canonical, reporters)) == sorted(map(canonical, self.reporters))
        same_submissions = sorted(map(canonical, submissions)) == sorted(
            map(canonical, self.submissions)
        )
        return catalogue == self.catalogue and same_reporters and same_submissions


class Receipt(Exchanged):
    """A recipient's answer to a delivery.

    ``rejected`` lists the figures that it does not take, each with its words.
    """

    delivery: str
    state: Literal["received", "accepted", "accepted with remarks", "rejected"]
    reference: str = ""
    message: str = ""
    rejected: list[dict[str, str]] = []
