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
    """The folder and the pattern of its files' names.

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
        """Yield one part for each file.

        A folder without a matching file gives none: no data reported. Raises SourceUnavailable for
        a missing folder, SourceRefused for what may not be read and for a link that leaves the
        folder.
        """
        searches = [(self.settings.path, self.settings.pattern)]
        if any(PLACEHOLDER.search(text) for text in searches[0]):
            searches = [
                (period.fill(searches[0][0]), period.fill(searches[0][1]))
                for period in request.periods
            ]
        yielded: set[Path] = set()
        for path, pattern in searches:
            for file in _matching_files(Path(path), pattern):
                if file not in yielded:
                    yielded.add(file)
                    yield _part(file)


def _matching_files(folder: Path, pattern: str) -> list[Path]:
    """List the files whose names match, sorted.

    Unicode forms are alike, and hidden files come only where they are asked for.
    """
    normal_pattern = unicodedata.normalize("NFC", pattern)
    try:
        names = sorted(file.name for file in folder.iterdir() if not file.is_dir())
    except PermissionError as error:
        raise SourceRefused(f"folder {folder} may not be listed") from error
    except OSError as error:
        raise SourceUnavailable(f"folder {folder} is not there: {error.strerror}") from error
    hidden_prefixes = (".", "~$")  # ~$ is what Excel puts beside a workbook that somebody has open
    candidates = [
        name
        for name in names
        if normal_pattern.startswith(".") or not name.startswith(hidden_prefixes)
    ]
    return [
        folder / name
        for name in candidates
        if fnmatchcase(unicodedata.normalize("NFC", name), normal_pattern)
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
    return PayloadPart(content=content, media_type=media_type, origin=str(file), name=file.name)
