"""What is installed where, by its metadata."""

from __future__ import annotations

from importlib.metadata import Distribution
from pathlib import Path

import pytest

from hub_core.engine import shared
from hub_core.errors import ConfigurationError
from hub_core.packages import libraries, requirements


def there(folder: Path, name: str, version: str, *requires: str) -> None:
    """The metadata of a library that a test made up."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
    )


def met(
    folder: Path, *requires: str, without: tuple[str, ...] = (), whole: tuple[str, ...] = ()
) -> requirements.ResolvedRequirements:
    def find(name: str) -> Distribution | None:
        return libraries.find(name, [str(folder)])

    return requirements.resolve_requirements(requires, find, without, whole)


def test_names_and_versions_are_those_of_the_metadata_folders(tmp_path: Path) -> None:
    there(tmp_path / "one", "a", "1.0")
    there(tmp_path / "two", "b", "2.0")
    (tmp_path / "two" / "c.py").touch()
    paths = [str(tmp_path / name) for name in ("two", "one", "two", "nowhere")]
    assert libraries.names(paths) == ["a-1.0.dist-info", "b-2.0.dist-info"]


def test_requirements_are_followed_to_their_end(tmp_path: Path) -> None:
    there(tmp_path, "a", "1.0", "b>=2", "c; extra == 'more'", "d; python_version < '3'")
    there(tmp_path, "b", "2.0", "A")
    there(tmp_path, "c", "3.0")
    assert (sorted(met(tmp_path, "a").libraries), met(tmp_path, "a").unmet) == (["a", "b"], [])
    assert sorted(met(tmp_path, "a[more]").libraries) == ["a", "b", "c"]
    assert sorted(met(tmp_path, "a", without=("b",)).libraries) == ["a"]


def test_what_is_not_met_is_said_with_whose_it_is(tmp_path: Path) -> None:
    there(tmp_path, "a", "1.0", "b>=2", "e")
    there(tmp_path, "b", "1.5")
    unmet = met(tmp_path, "a>=1,<2", "f ; python_version > '3'", "no requirement").unmet
    assert unmet == [
        "f is not there",
        "'no requirement' is no requirement",
        "b>=2 (for a) is needed, and 1.5 is there",
        "e (for a) is not there",
    ]
    assert met(tmp_path, "a>=2", whole=("a",)).unmet == ["a>=2 is needed, and 1.0 is there"]


def test_a_version_before_its_release_will_do(tmp_path: Path) -> None:
    there(tmp_path, "a", "1.0.dev0")
    assert met(tmp_path, "a<2").unmet == []


# The hub's own, as an isolated child sees them


def test_links_are_made_once_and_those_that_lead_nowhere_go(tmp_path: Path) -> None:
    folder = shared.library_links(tmp_path, ["connectors"])
    assert (folder / "hub_core").resolve() == Path(libraries.__file__).parents[1]
    assert {"connectors", "polars", "pydantic"} <= {each.name for each in folder.iterdir()}
    assert not {"sqlalchemy", "alembic", "typer", "pytest"} & {
        each.name for each in folder.iterdir()
    }
    assert all(each.exists() for each in folder.iterdir())
    made = folder.stat().st_mtime_ns
    assert (shared.library_links(tmp_path, ["connectors"]), folder.stat().st_mtime_ns) == (
        folder,
        made,
    )
    old, cut_off = folder.with_name("hub-0123456789abcdef"), folder.with_name("hub-new")
    for each in (old, cut_off):
        each.mkdir()
        (each / "polars").symlink_to("/nowhere")
    (folder / "polars").unlink()
    (folder / "polars").symlink_to("/nowhere")
    folder.rename(folder.with_name("hub-aaaaaaaaaaaaaaaa"))
    assert shared.library_links(tmp_path, ["connectors"]) == folder
    assert [each.name for each in sorted(folder.parent.glob("hub-*"))] == [folder.name]


def test_a_trusted_package_that_is_not_there_is_the_operators(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="names nobody, which is not installed"):
        shared.library_links(tmp_path, ["nobody"])
