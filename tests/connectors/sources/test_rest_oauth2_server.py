"""The REST source with an OAuth2 server of other people's making: oidc-provider, from npm.

Rows are checked by it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from hub_core import SourceRefused
from hub_core.testing.servers import PagedJson

if TYPE_CHECKING:
    from hub_core.testing.servers import RequestHandler
    from tests.connectors.sources.conftest import Fetch

PACKAGE = "oidc-provider@9.13.3"
ROWS = [{"don_vi": f"{k:05d}", "gia_tri": str(k)} for k in range(250)]
NEXT = {"kind": "next_link", "at": "/next"}
ID, SECRET = "so tttt+nghe:an", "mat%khau&1=2 dai hon mot chut"


@pytest.fixture(scope="session")
def installed() -> Path:
    """A folder under build/ with the server in it, from npm."""
    folder = Path(__file__).parents[3] / "build" / "npm" / PACKAGE
    if folder.is_dir():
        return folder
    must = os.environ.get("CI") == "true"
    if shutil.which("npm") is None and not must:
        pytest.skip("npm is not on this machine: the OAuth2 server comes from there")
    new = folder.with_name(f"{PACKAGE}.{os.getpid()}")
    new.mkdir(parents=True)
    words = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(new),
        PACKAGE,
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode and not must:
        pytest.skip(f"npm gives no {PACKAGE}: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr
    return new.rename(folder)


@pytest.fixture
def authority(installed: Path) -> Iterator[Callable[[int], str]]:
    """Starts the server; its address. Its tokens last so many seconds."""
    running: list[subprocess.Popen[str]] = []

    def start(seconds: int) -> str:
        script = Path(__file__).with_name("oauth2_server.mjs")
        words = ["node", str(script), str(installed), ID, SECRET, str(seconds)]
        server = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        running.append(server)
        assert server.stdout
        return server.stdout.readline().strip()

    yield start
    for server in running:
        server.terminate()
        assert server.stdout
        server.stdout.close()
        server.wait()


class Guarded(PagedJson):
    """Rows for whoever has a token that the authority knows and has not ended."""

    def __init__(self, authority: str) -> None:
        self.authority, self.tokens = authority, set[str]()
        super().__init__(ROWS)

    def answer(self, asked: RequestHandler) -> None:
        token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        told = httpx.post(
            f"{self.authority}/token/introspection", auth=quoted(), data={"token": token}
        ).json()
        self.tokens.add(token)
        self.token = token if told["active"] else "another"
        super().answer(asked)


def quoted() -> tuple[str, str]:
    from urllib.parse import quote_plus

    return quote_plus(ID), quote_plus(SECRET)


def auth(authority: str, secret: str = SECRET, **more: str) -> dict[str, str]:
    kind = "oauth2_client_credentials"
    return {"kind": kind, "token_url": f"{authority}/token", "id": ID, "secret": secret, **more}


def test_its_tokens_open_and_one_serves_all_pages(
    authority: Callable[[int], str], fetch: Fetch
) -> None:
    address = authority(600)
    with Guarded(address) as rows:
        parts, error = fetch(rows.url, pages=NEXT, auth=auth(address, scope="bao-cao"))
        assert error is None
        assert [row for part in parts for row in json.loads(part.content)["data"]] == ROWS
        assert len(rows.tokens) == 1


def test_a_token_that_ends_on_the_way_is_renewed(
    authority: Callable[[int], str], fetch: Fetch
) -> None:
    address = authority(3)
    with Guarded(address) as rows:
        parts, error = fetch(rows.url, pages=NEXT, auth=auth(address), per_minute=18)
        assert error is None
        assert len(parts) == 3
        assert len(rows.tokens) >= 2


def test_a_wrong_secret_is_refused(authority: Callable[[int], str], fetch: Fetch) -> None:
    address = authority(600)
    with Guarded(address) as rows:
        parts, error = fetch(rows.url, auth=auth(address, "khong phai no"))
        assert rows.requests == 0
    assert isinstance(error, SourceRefused)
    assert "invalid_client" in str(error)
    assert parts == []
