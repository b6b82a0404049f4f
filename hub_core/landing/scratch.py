"""The folder in which a child leaves what it made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import zstandard
from pydantic import ValidationError

from hub_core.contracts import PayloadPart
from hub_core.errors import StoreError
from hub_core.landing.layout import JOURNAL, is_plain, submission_path, write
from hub_core.landing.parts import check_part, holds, open_part
from hub_core.model.exchange import Landing, Part
from hub_core.model.validators import etag, http_date

_LEVEL = -1  # nearly as small as 1, in half the time


class Scratch:
    """The folder in which a child leaves what it made; the same layout as a provision's folder."""

    def __init__(self, root: Path, hide: Iterable[str] = (), kept: Path | None = None) -> None:
        """``hide``: secrets, which stand in no name or origin of a part; ``kept``.

        Where parts are landed already.
        """
        self.root, self._kept = root, kept
        self._hide = sorted(hide, key=len, reverse=True)
        self._lent: dict[str, Path] = {}
        (root / "parts").mkdir(parents=True, exist_ok=True)
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)

    def lend(self, folder: Path, part: Part) -> PayloadPart:
        """A part that lies in another folder already, and is not written again.

        Raises StoreError.
        """
        found = open_part(folder, part)
        self._lent[part.digest] = folder
        return found

    def open(self, part: Part) -> PayloadPart:
        """A part that was landed here, or lent. Raises StoreError."""
        return open_part(self._lent.get(part.digest, self.root / "parts"), part)

    def land(self, payload: PayloadPart, key: Callable[[str], str] | None = None) -> Part:
        """A part's bytes on disk, and a line about it in the journal.

        ``key`` gives a question's digest.
        """
        digest = payload.digest
        path = self.root / "parts" / f"{digest}.zst"
        if (
            digest not in self._lent
            and self._kept is not None
            and holds(self._kept / path.name, payload.content)
        ):
            self._lent[digest] = self._kept
        if digest not in self._lent and not path.exists():
            with (self.root / "parts" / f"{digest}.new").open("wb") as file:
                file.write(self._compressor.compress(payload.content))
            Path(file.name).replace(path)
        tag, changed = etag(payload.etag), http_date(payload.last_modified)
        part = Part(
            digest=digest,
            size=len(payload.content),
            media_type=payload.media_type,
            origin=self._shown(payload.origin),
            name=self._shown(payload.name),
            question=key(payload.question)
            if key and payload.question and (tag or changed)
            else None,
            etag=tag,
            last_modified=changed,
        )
        with (self.root / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(part.model_dump_json() + "\n")
        return part

    def _shown(self, text: str) -> str:
        for secret in self._hide:
            text = text.replace(secret, "[secret]")
        return text

    def landed(self, kept: Path | None = None) -> list[Part]:
        """The parts of the journal that hold, for a gather whose child ended before it could say so itself.

        ``kept``: where those that were lent lie.
        """
        path = self.root / JOURNAL
        if not path.exists():
            return []
        parts = []
        for line in path.read_bytes().splitlines(keepends=True):
            try:
                part = Part.model_validate_json(line)
            except ValidationError:
                break  # the process ended in the middle of this line
            name = f"{part.digest}.zst"
            with suppress(StoreError):  # the machine went down before it was on disk
                if is_plain(self.root / "parts" / name):
                    check_part(self.root / "parts" / name, part)
                elif kept is None or not is_plain(kept / name):
                    continue
                parts.append(part)
        return parts

    def gather_folder(self, gather: str) -> Path:
        """Where a gather's own files go."""
        folder = self.root / "gathers" / gather
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def commit(self, landing: Landing) -> None:
        """Write ``landing.json``, the commit point of a gather."""
        write(
            self.gather_folder(landing.gather) / "landing.json",
            landing.model_dump_json(indent=1).encode(),
        )

    def submission_folder(self, calendar: str, period: str, gather: str, replay: int) -> Path:
        """An empty folder for a submission."""
        folder = self.root / submission_path(calendar, period, gather, replay)
        folder.mkdir(parents=True)
        return folder
