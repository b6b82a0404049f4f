"""Parts are taken over while their child still reads, so that little remains when it answers."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pydantic import ValidationError

from hub_core.errors import StoreError
from hub_core.landing.layout import JOURNAL
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Part

_BATCH = 16  # parts; fewer are as well taken at the end
_JOURNAL_BYTES = 1 << 22  # of a journal, read in one go


class Receiving:
    """The parts of one gather that its child has landed so far, copied while it is at work.

    A part that cannot be copied is no error here, and nothing more is copied. It is taken at the
    end of the gather, which says what is wrong.
    """

    def __init__(self, zone: LandingZone, scratch: Path, province: str, provision: str) -> None:
        self._zone, self._scratch, self._place = zone, scratch, (province, provision)
        self._pool = ThreadPoolExecutor(1, "receive")
        self._copying: Future[None] | None = None
        self._reported_parts, self._offset, self._stopped = 0, 0, False

    def on_parts(self, parts: int) -> None:
        """Copy new parts in a thread of its own, when enough have come since the last time.

        ``parts``: how many the child says that it has landed so far.
        """
        if (
            parts - self._reported_parts >= _BATCH
            and (self._copying is None or self._copying.done())
            and not self._stopped
        ):
            self._reported_parts = parts
            self._copying = self._pool.submit(self._copy_new_parts)

    def close(self) -> None:
        """Copy no more parts, and wait for the part that is under way."""
        self._stopped = True
        self._pool.shutdown()
        if self._copying is not None:
            self._copying.result()

    def _copy_new_parts(self) -> None:
        try:
            while lines := self._new_lines():
                for line in lines:
                    if self._stopped:
                        return
                    self._zone.copy_part(
                        self._scratch, *self._place, Part.model_validate_json(line)
                    )
                    self._offset += len(line)
        except (OSError, ValidationError, StoreError):
            self._stopped = True

    def _new_lines(self) -> list[bytes]:
        with (self._scratch / JOURNAL).open("rb") as journal:
            journal.seek(self._offset)
            return [
                line
                for line in journal.read(_JOURNAL_BYTES).splitlines(keepends=True)
                if line.endswith(b"\n")
            ]
