import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydantic import ValidationError

from connectors.sources.folder import FolderSource
from hub_core import PayloadPart, Request, RequestedPeriod, SourceRefused, SourceUnavailable

JANUARY = RequestedPeriod("2025-M01", date(2025, 1, 1), date(2025, 1, 31))
FEBRUARY = RequestedPeriod("2025-M02", date(2025, 2, 1), date(2025, 2, 28))


def fetch(
    path: Path | str, pattern: str = "*", periods: tuple[RequestedPeriod, ...] = (JANUARY,)
) -> list[PayloadPart]:
    source = FolderSource(FolderSource.Settings(path=str(path), pattern=pattern))
    return list(source.fetch(Request(periods), None))


def test_each_file_is_a_part_in_the_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"b")
    (tmp_path / "a.json").write_bytes(b"a")
    parts = fetch(tmp_path)
    assert [(p.name, p.content, p.media_type) for p in parts] == [
        ("a.json", b"a", "application/json"),
        ("b.csv", b"b", "text/csv"),
    ]
    assert parts[0].origin == str(tmp_path / "a.json")


def test_an_unknown_suffix_is_just_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_bytes(b"a")
    assert fetch(tmp_path)[0].media_type == "application/octet-stream"


def test_a_missing_folder_is_unavailable_and_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="chua-co"):
        fetch(tmp_path / "chua-co")


def test_a_file_in_place_of_the_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(SourceUnavailable):
        fetch(tmp_path / "a")


def test_a_folder_without_a_match_gives_no_parts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a")
    assert fetch(tmp_path, "*.json") == []


def test_folders_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "luu-tru").mkdir()
    (tmp_path / ".~lock.a.xlsx#").write_bytes(b"")
    assert fetch(tmp_path) == []
    assert [p.name for p in fetch(tmp_path, ".*")] == [".~lock.a.xlsx#"]


def test_placeholders_ask_once_for_each_period(tmp_path: Path) -> None:
    for name in ("bc-2025-M01.csv", "bc-2025-M02.csv", "bc-2025-M03.csv"):
        (tmp_path / name).write_bytes(b"x")
    names = [p.name for p in fetch(tmp_path, "bc-{period}.csv", (FEBRUARY, JANUARY))]
    assert names == ["bc-2025-M02.csv", "bc-2025-M01.csv"]


def test_a_placeholder_in_the_path_is_filled(tmp_path: Path) -> None:
    (tmp_path / "2025").mkdir()
    (tmp_path / "2025" / "tu-2025-01-01-den-2025-01-31.csv").write_bytes(b"x")
    assert len(fetch(f"{tmp_path}/{{year}}", "tu-{first}-den-{last}.csv")) == 1


def test_a_file_that_two_periods_match_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "nam-2025.csv").write_bytes(b"x")
    assert len(fetch(tmp_path, "nam-{year}.csv", (JANUARY, FEBRUARY))) == 1


def test_unicode_forms_of_a_name_are_alike(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "báo cáo.csv")).write_bytes(b"x")
    assert len(fetch(tmp_path, unicodedata.normalize("NFC", "báo cáo.csv"))) == 1


def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"root")
    folder = tmp_path / "bao-cao"
    folder.mkdir()
    (folder / "a.csv").symlink_to(tmp_path / "secret")
    with pytest.raises(SourceRefused, match="leaves its folder"):
        fetch(folder)


def test_a_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "moi-nhat-2025.csv").write_bytes(b"x")
    (tmp_path / "bao-cao.csv").symlink_to(tmp_path / "moi-nhat-2025.csv")
    assert [p.content for p in fetch(tmp_path, "bao-cao.csv")] == [b"x"]


def test_a_link_to_nothing_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(SourceUnavailable):
        fetch(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(SourceRefused, match="no regular file"):
        fetch(tmp_path)


@contextmanager
def nobody() -> Iterator[None]:
    """As a user whom permissions bind: root may read everything."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_what_may_not_be_read_is_refused() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "a.csv").write_bytes(b"x")
        (Path(folder) / "a.csv").chmod(0)
        with nobody(), pytest.raises(SourceRefused, match=r"a\.csv may not be read"):
            fetch(folder)


def test_a_folder_that_may_not_be_listed_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    with nobody(), pytest.raises(SourceRefused, match="may not be listed"):
        fetch(tmp_path)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "pattern", ["../*.csv", "/etc/passwd", "a/b.csv", "..", "", "a\\b", "{quarter}.csv"]
)
def test_a_pattern_that_is_no_file_name_is_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        FolderSource.Settings(path=".", pattern=pattern)
