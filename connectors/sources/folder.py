"""Folder source: the files of a folder on disk or on a mounted share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import field_validator

from hub_core import PayloadPart, Request, Settings, Source, SourceRefused, SourceUnavailable

PLACEHOLDER = re.compile(r"\{(?:period|year|first|last)\}")
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".txt": "text/plain",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}


class FolderSettings(Settings):
    """Where the files are.

    Both texts may hold ``{period}``, ``{year}``, ``{first}`` and ``{last}``.
    """

    path: str
    pattern: str = "*"

    @field_validator("path", "pattern")
    @classmethod
    def _known_placeholders(cls, text: str) -> str:
        if not text or re.search(r"[{}]", PLACEHOLDER.sub("", text)):
            raise ValueError(
                "must not be empty, and may hold {period}, {year}, {first} and {last} only"
            )
        return text

    @field_validator("pattern")
    @classmethod
    def _file_names_only(cls, pattern: str) -> str:
        if pattern == ".." or "/" in pattern or "\\" in pattern:
            raise ValueError("must match file names inside the folder: no path, no '..'")
        return pattern


class FolderSource(Source):
    """Gives each file that matches, in the order of its name, once."""

    kind = "folder"
    Settings = FolderSettings
    settings: FolderSettings

    def fetch(self, request: Request, cursor: str | None) -> Iterator[PayloadPart]:  # noqa: ARG002 - asked anew
        """One part for each file; a folder without a matching file gives none: no data reported.

        Raises SourceUnavailable for a missing folder, SourceRefused for what may not be read and
        for a link that leaves the folder.
        """
        places = [(self.settings.path, self.settings.pattern)]
        if any(PLACEHOLDER.search(text) for text in places[0]):
            places = [
                (asked.fill(places[0][0]), asked.fill(places[0][1])) for asked in request.periods
            ]
        given: set[Path] = set()
        for path, pattern in places:
            for file in _matching(Path(path), pattern):
                if file not in given:
                    given.add(file)
                    yield _part(file)


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files whose names match, sorted.

    Unicode forms are alike, and hidden files only where they are asked for.
    """
    wanted = unicodedata.normalize("NFC", pattern)
    try:
        names = sorted(file.name for file in folder.iterdir() if not file.is_dir())
    except PermissionError as error:
        raise SourceRefused(f"folder {folder} may not be listed") from error
    except OSError as error:
        raise SourceUnavailable(f"folder {folder} is not there: {error.strerror}") from error
    hidden = (".", "~$")  # ~$ is what Excel puts beside a workbook that somebody has open
    shown = [name for name in names if wanted.startswith(".") or not name.startswith(hidden)]
    return [
        folder / name for name in shown if fnmatchcase(unicodedata.normalize("NFC", name), wanted)
    ]


def _part(file: Path) -> PayloadPart:
    try:
        target = file.resolve(strict=True)
        if not target.is_relative_to(file.parent.resolve()):
            raise SourceRefused(f"{file} is a link that leaves its folder")
        if not target.is_file():
            raise SourceRefused(f"{file} is no regular file")
        content = target.read_bytes()
    except PermissionError as error:
        raise SourceRefused(f"{file} may not be read") from error
    except OSError as error:
        raise SourceUnavailable(f"{file} could not be read: {error.strerror}") from error
    media_type = MEDIA_TYPES.get(file.suffix.lower(), "application/octet-stream")
    return PayloadPart(content, media_type, origin=str(file), name=file.name)
