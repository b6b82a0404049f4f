"""A release as the sample ministry receives it.

It is read again, held against its digests, and entered once.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal, TypedDict

from pydantic import Field, ValidationError

from hub_core.model.exchange import Exchanged, ReleaseManifest

_KEY = ("indicator", "org_unit", "period", "calendar", "measure", "dims")


class ReleaseRefusedError(Exception):
    """A release that has no effect: HTTP status and the ministry's words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


class Figure(Exchanged):
    """A figure as the JSON writer writes it."""

    indicator: str
    org_unit: str
    period: str
    calendar: str
    measure: str
    dims: dict[str, str]
    value: str | None = Field(pattern=r"^-?[0-9]+(\.[0-9]+)?$")
    unit: str
    status: str
    coverage: str

    @property
    def key_and_value(self) -> dict[str, str]:
        """The six keys, dimensions folded again, and the value."""
        key_and_value = {name: str(getattr(self, name)) for name in _KEY}
        key_and_value["dims"] = ";".join(
            f"{name}={code}" for name, code in sorted(self.dims.items())
        )
        return key_and_value | {"value": self.value or ""}

    @property
    def line(self) -> str:
        """The figure's line in the canonical text of the figures digest."""
        *key_texts, value = self.key_and_value.values()
        if "." in value:
            value = value.rstrip("0").rstrip(".")
        return "\t".join((*key_texts, "0" if value == "-0" else value, self.status)) + "\n"


class Body(Exchanged):
    """A release as the JSON writer writes it; the manifest stays as it came, for its digest."""

    format: Literal[1]
    manifest: dict[str, object]
    manifest_digest: str
    figures: list[Figure]


class Entry(TypedDict):
    """One effect: a delivery that was new when it came, and how often it came again."""

    order: int
    delivery: str
    dataflow: str
    calendar: str
    period: str
    version: int
    figures_digest: str
    manifest_digest: str
    state: str
    resent: int
    receipt: dict[str, object]


def check_release(content: bytes) -> tuple[Body, ReleaseManifest]:
    """Read a release and its manifest, and recompute both digests.

    They are recomputed as a stranger would from the published format. Raises ReleaseRefusedError
    for what cannot be read or does not hold.
    """
    try:
        body = Body.model_validate_json(content)
        release = ReleaseManifest.model_validate(body.manifest)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ReleaseRefusedError(
            422, f"Không đọc được (not a release): {place}: {first['msg']}"
        ) from error
    text = json.dumps(body.manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(text.encode()).hexdigest() != body.manifest_digest:
        raise ReleaseRefusedError(
            422, "Mã băm bản kê không khớp (the manifest digest does not hold)"
        )
    lines = "lienthong-content 1 nil=0\n" + "".join(figure.line for figure in body.figures)
    if (
        hashlib.sha256(lines.encode()).hexdigest() != release.figures_digest
        or len(body.figures) != release.figures
    ):
        raise ReleaseRefusedError(
            422, "Mã băm số liệu không khớp (the figures digest does not hold)"
        )
    return body, release
