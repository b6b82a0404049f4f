"""Secrets of a province and of the ministry, looked for in everything that nights with bad systems write."""

from __future__ import annotations

from pathlib import Path

from tests.faults.canaries import MINISTRY, TOKEN, Listener, found, watched_world


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    with watched_world(tmp_path / "world") as world:
        (world.home / "leak.txt").write_text(f"token={TOKEN}", encoding="utf-8")
        assert found(world, b"") == [str(world.home / "leak.txt")]
        (world.home / "leak.txt").unlink()
        assert found(world, MINISTRY.encode()) == ["the terminal"]


def test_no_secret_is_in_anything_that_nights_with_bad_systems_write(tmp_path: Path) -> None:
    with watched_world(tmp_path / "world") as world:
        heard, server = Listener(world), world.systems.servers["thanh_hoa/telecom"]
        for fault in ("500", "401", "truncated", "html"):
            server.fault = fault  # type: ignore[assignment]  # one of its own
            assert b"thanh_hoa" in heard.night()
            assert b"thanh_hoa" in heard.night()
        server.fault = None
        for mode in ("down", "reject", "accept"):
            world.ministry.mode = mode  # type: ignore[assignment]  # one of its own
            heard.night()
        heard.look()
        assert found(world, heard.said) == []
