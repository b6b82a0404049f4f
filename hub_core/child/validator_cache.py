"""The gather before: which of its parts may still hold at their service, and need no new copy."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.contracts import CachedPart
from hub_core.errors import StoreError
from hub_core.model.formats import LANDINGS

if TYPE_CHECKING:
    from hub_core.contracts import PayloadPart
    from hub_core.landing.scratch import Scratch
    from hub_core.model.exchange import GatherOrder, Part

_HARD = {"n": 1 << 12, "r": 8, "p": 1}  # scrypt: 20 ms and 4 MB for each guess at a secret


class ValidatorCache:
    """The parts of the gather before, by the question that brought them.

    Called with a question, it gives what is known of its answer. A question is stored as a digest
    of it and of who asks: the source's settings and the secrets. So nothing is known where any of
    these has changed, and no secret can be read or easily guessed from what is landed.
    """

    def __init__(self, order: GatherOrder, source: dict[str, Any], scratch: Scratch) -> None:
        """Read the landing of the gather before.

        ``source``: its settings, without secrets. A landing that is gone or damaged is no landing.
        """
        self._order, self._source, self._scratch = order, source, scratch
        self._parts: dict[str, Part] = {}
        if order.previous_landing is None:
            return
        folder = Path(order.previous_landing)
        self._folder = folder.parent.parent / "parts"
        try:
            landing = LANDINGS.read((folder / "landing.json").read_bytes())
        except (OSError, ValueError):
            return  # hub doctor names it
        if landing.complete:
            self._parts = {part.question: part for part in landing.parts if part.question}

    def __call__(self, question: str) -> CachedPart | None:
        """Return the part that answered the question in the gather before, or None."""
        part = self._parts.get(self.key(question)) if self._parts else None
        return (
            None
            if part is None
            else CachedPart(part.etag, part.last_modified, partial(self._landed, part))
        )

    def key(self, question: str) -> str:
        """Return the digest that stands for a question in landing.json."""
        return hashlib.sha256(self._asker + question.encode()).hexdigest()

    def _landed(self, part: Part) -> PayloadPart | None:
        try:
            return self._scratch.lend(self._folder, part)
        except StoreError:
            return None

    @cached_property
    def _asker(self) -> bytes:
        place = f"{self._order.plugin.name}/{self._order.provision}".encode()
        settings_and_secrets = json.dumps(
            [self._source, self._order.secrets], sort_keys=True, default=str
        ).encode()
        if not self._order.secrets:
            return hashlib.sha256(place + settings_and_secrets).digest()
        return hashlib.scrypt(settings_and_secrets, salt=place, **_HARD)
