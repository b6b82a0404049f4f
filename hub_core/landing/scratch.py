"""The folder in which a child process leaves what it made."""

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
    """The folder in which a child leaves what it made, laid out like a provision's folder."""

    def __init__(self, root: Path, hide: Iterable[str] = (), kept: Path | None = None) -> None:
        """Open a scratch folder, and make it where it is not there.

        ``hide``: secrets, which are masked in the name and the origin of each part. ``kept``: the
        folder of the parts that have landed already; these are not written again.
        """
        self.root, self._kept = root, kept
        self._secrets = sorted(hide, key=len, reverse=True)
        self._lent_folders: dict[str, Path] = {}
        (root / "parts").mkdir(parents=True, exist_ok=True)
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)

    def lend(self, folder: Path, part: Part) -> PayloadPart:
        """Return a part that is in another folder already, and note that it is not written again.

        Raises StoreError where its bytes are gone or changed.
        """
        payload = open_part(folder, part)
        self._lent_folders[part.digest] = folder
        return payload

    def open(self, part: Part) -> PayloadPart:
        """Return a part that was landed here or lent.

        Raises StoreError where its bytes are gone or changed.
        """
        return open_part(self._lent_folders.get(part.digest, self.root / "parts"), part)

    def land(self, payload: PayloadPart, key: Callable[[str], str] | None = None) -> Part:
        """Write a part's bytes to disk, and a line about it to the journal.

        Bytes that were lent or kept already are not written again. ``key`` gives the digest of the
        question that the part answers.
        """
        digest = payload.digest
        path = self.root / "parts" / f"{digest}.zst"
        if (
            digest not in self._lent_folders
            and self._kept is not None
            and holds(self._kept / path.name, payload.content)
        ):
            self._lent_folders[digest] = self._kept
        if digest not in self._lent_folders and not path.exists():
            with (self.root / "parts" / f"{digest}.new").open("wb") as file:
                file.write(self._compressor.compress(payload.content))
            Path(file.name).replace(path)
        entity_tag, last_modified = etag(payload.etag), http_date(payload.last_modified)
        part = Part(
            digest=digest,
            size=len(payload.content),
            media_type=payload.media_type,
            origin=self._masked(payload.origin),
            name=self._masked(payload.name),
            question=key(payload.question)
            if key and payload.question and (entity_tag or last_modified)
            else None,
            etag=entity_tag,
            last_modified=last_modified,
        )
        with (self.root / JOURNAL).open("a", encoding="utf-8") as journal:
            journal.write(part.model_dump_json() + "\n")
        return part

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[secret]")
        return text

    def landed(self, kept: Path | None = None) -> list[Part]:
        """List the parts of the journal whose bytes are on disk, in the order in which they landed.

        This is for a gather whose child ended before it could list them itself. ``kept``: the
        folder of the parts that were lent.
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
        """Return the folder of a gather's own files, and make it where it is not there."""
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
        """Make an empty folder for a submission and return it."""
        folder = self.root / submission_path(calendar, period, gather, replay)
        folder.mkdir(parents=True)
        return folder
