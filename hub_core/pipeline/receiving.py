"""Parts are taken over while their child still reads, so that little is left to do when it answers."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pydantic import ValidationError

from hub_core.errors import StoreError
from hub_core.landing.layout import JOURNAL
from hub_core.landing.zone import LandingZone
from hub_core.model.exchange import Part

_FEW = 16  # parts that are as well taken at the end
_MOST = 1 << 22  # bytes of a journal looked at in one go


class Receiving:
    """The parts of one gather that its child has landed so far.

    Nothing is said of what cannot be taken here: it is taken at the end of the gather, which says
    what is wrong.
    """

    def __init__(self, zone: LandingZone, scratch: Path, province: str, provision: str) -> None:
        self._zone, self._scratch, self._place = zone, scratch, (province, provision)
        self._pool = ThreadPoolExecutor(1, "receive")
        self._looking: Future[None] | None = None
        self._known, self._offset, self._stopped = 0, 0, False

    def told(self, parts: int) -> None:
        """Take what is new in a thread of its own, where the child says that so many parts came."""
        if (
            parts - self._known >= _FEW
            and (self._looking is None or self._looking.done())
            and not self._stopped
        ):
            self._known = parts
            self._looking = self._pool.submit(self._look)

    def close(self) -> None:
        """Take no more; what is under way is waited for."""
        self._stopped = True
        self._pool.shutdown()
        if self._looking is not None:
            self._looking.result()

    def _look(self) -> None:
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
                for line in journal.read(_MOST).splitlines(keepends=True)
                if line.endswith(b"\n")
            ]
