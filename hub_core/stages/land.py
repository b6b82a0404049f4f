"""Land: bytes on disk before anything reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hub_core.contracts import PayloadPart
from hub_core.landing.scratch import Scratch
from hub_core.model.exchange import Part


def land(
    scratch: Scratch, payloads: Iterable[PayloadPart], key: Callable[[str], str] | None = None
) -> Iterator[tuple[Part, PayloadPart]]:
    """Yield each part with its entry for ``landing.json``, once it is on disk.

    ``key``: gives the digest of a question.
    """
    for payload in payloads:
        yield scratch.land(payload, key), payload
