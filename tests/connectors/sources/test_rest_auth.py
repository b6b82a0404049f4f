"""How the REST source tells who asks: tokens and their renewal, basic, keys, certificates.

And where they never go.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from connectors.sources.rest import RestSource
from hub_core import Request, RequestedPeriod, SourceChanged, SourceRefused, SourceUnavailable
from hub_core.testing.gateway import Gateway
from hub_core.testing.servers import System

if TYPE_CHECKING:
    from hub_core.testing.servers import RequestHandler as Question
    from tests.connectors.sources.conftest import Fetch

ROWS = [{"don_vi": f"{k:05d}", "gia_tri": str(k)} for k in range(250)]
JANUARY = RequestedPeriod("2025-M01", date(2025, 1, 1), date(2025, 1, 31))
NEXT = {"kind": "next_link", "at": "/next"}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(ROWS) as running:
        yield running


def oauth(gateway: Gateway, **more: Any) -> dict[str, Any]:
    kind = "oauth2_client_credentials"
    return {
        "kind": kind,
        "token_url": gateway.token_url,
        "id": gateway.id,
        "secret": gateway.secret,
        **more,
    }


def test_one_token_serves_all_pages(gateway: Gateway, fetch: Fetch) -> None:
    parts, error = fetch(gateway.url, auth=oauth(gateway), pages=NEXT)
    assert error is None
    assert [row for part in parts for row in json.loads(part.content)["data"]] == ROWS
    assert (gateway.granted, gateway.requests) == (1, 3)


def test_one_token_serves_all_periods(gateway: Gateway, fetch: Fetch) -> None:
    request = Request(
        (JANUARY, RequestedPeriod("2025-M02", JANUARY.first, JANUARY.last)), allow_loopback=True
    )
    parts, error = fetch(
        gateway.url + "?ky={period}", request, auth=oauth(gateway, scope="bao-cao doc"), pages=NEXT
    )
    assert (len(parts), error, gateway.granted) == (6, None, 1)


def test_a_token_that_ends_between_pages_is_renewed_and_the_page_asked_again(
    gateway: Gateway, fetch: Fetch
) -> None:
    gateway.fault, gateway.fault_from, gateway.times = "expire", 100, 1
    parts, error = fetch(gateway.url, auth=oauth(gateway), pages=NEXT)
    assert error is None
    assert [row for part in parts for row in json.loads(part.content)["data"]] == ROWS
    assert (gateway.granted, gateway.requests) == (2, 4)


def test_a_token_is_renewed_before_it_ends(gateway: Gateway, fetch: Fetch) -> None:
    gateway.lasts = 2
    parts, error = fetch(
        gateway.url, auth=oauth(gateway), pages=NEXT, per_minute=50
    )  # 1.2 seconds apart
    assert (len(parts), error) == (3, None)
    assert gateway.granted >= 2
    assert gateway.requests == 3  # none was asked in vain


def test_a_token_that_does_not_say_how_long_it_lasts_is_used(
    gateway: Gateway, fetch: Fetch
) -> None:
    gateway.lasts = None
    parts, error = fetch(gateway.url, auth=oauth(gateway), pages=NEXT)
    assert (len(parts), error, gateway.granted) == (3, None, 1)


def test_tokens_that_end_before_they_can_be_used_are_not_asked_for_without_end(
    gateway: Gateway, fetch: Fetch
) -> None:
    gateway.lasts = 0
    _, error = fetch(gateway.url, auth=oauth(gateway), pages=NEXT)
    assert isinstance(error, SourceRefused)
    assert gateway.granted == 2


def test_a_token_that_ends_in_the_middle_of_a_page_costs_the_page_once_more(
    gateway: Gateway, fetch: Fetch
) -> None:
    gateway.fault, gateway.fault_from, gateway.times = "cut", 100, 1
    parts, error = fetch(gateway.url, auth=oauth(gateway), pages=NEXT, retries=1)
    assert error is None
    assert [row for part in parts for row in json.loads(part.content)["data"]] == ROWS
    assert (gateway.granted, gateway.requests) == (2, 5)  # cut, not let in, whole


def test_a_gateway_that_takes_no_token_is_asked_for_one_new_one(
    gateway: Gateway, fetch: Fetch
) -> None:
    gateway.fault = "401"
    parts, error = fetch(gateway.url, auth=oauth(gateway), pages=NEXT)
    assert isinstance(error, SourceRefused)
    assert "900901" in str(error)
    assert (gateway.granted, gateway.requests, len(parts)) == (2, 2, 1)


def test_a_wrong_secret_is_refused_in_the_gateways_words_without_the_secret(
    gateway: Gateway, fetch: Fetch
) -> None:
    parts, error = fetch(gateway.url, auth={**oauth(gateway), "secret": "khong-phai-no"})
    assert isinstance(error, SourceRefused)
    assert "/token answered 401" in str(error)
    assert "invalid_client" in str(error)
    assert "khong-phai-no" not in str(error)
    assert (parts, gateway.requests) == ([], 0)


@dataclass
class Saying:
    status: int
    body: bytes


class TokenServer(System):
    """Says one thing to everybody, and repeats what it was sent."""

    def __init__(self, says: Saying) -> None:
        self.says = says
        self.form = ""
        super().__init__()

    def answer(self, asked: Question) -> None:
        self.count_request(dict(asked.headers.items()))
        self.form = asked.rfile.read(int(asked.headers.get("Content-Length") or 0)).decode()
        asked.reply(
            self.says.status,
            self.says.body.replace(b"ECHO", self.headers["authorization"].encode()),
        )


ODD_TOKENS = [
    (200, b"<html>dang nhap</html>", SourceChanged),
    (200, b'{"token": "x"}', SourceChanged),
    (200, b'{"access_token": "x", "token_type": "mac"}', SourceChanged),
    (200, b'{"access_token": "x y\\r\\nZ: 1"}', SourceChanged),
    (200, b'{"access_token": ""}', SourceChanged),
    (302, b"", SourceChanged),
    (404, b"", SourceChanged),
    (400, b'{"error": "invalid_scope", "error_description": "ECHO"}', SourceRefused),
    (503, b"ECHO", SourceUnavailable),
]


@pytest.mark.parametrize(("status", "body", "kind"), ODD_TOKENS)
def test_each_odd_answer_to_the_question_for_a_token_is_named(
    fetch: Fetch, status: int, body: bytes, kind: type[Exception]
) -> None:
    with TokenServer(Saying(status, body)) as server:
        auth = {
            "kind": "oauth2_client_credentials",
            "token_url": server.address,
            "id": "a b",
            "secret": "bí+mật",
        }
        parts, error = fetch(server.address, auth=auth, pages=NEXT)
    assert type(error) is kind
    assert parts == []
    assert server.headers["authorization"].split()[1] not in str(error)
    assert (
        server.headers["authorization"] == "Basic YStiOmIlQzMlQUQlMkJtJUUxJUJBJUFEdA=="
    )  # a+b:b%C3%AD%2Bm%E1%BA%ADt
    assert server.form == "grant_type=client_credentials"


def test_the_question_for_a_token_is_asked_again_where_that_may_help(
    gateway: Gateway, fetch: Fetch
) -> None:
    gateway.fault, gateway.times = "503", 1
    parts, error = fetch(gateway.url, auth=oauth(gateway), retries=1)
    assert (len(parts), error, gateway.granted) == (1, None, 1)


def test_credentials_go_to_no_token_address_that_the_province_does_not_name(
    gateway: Gateway, fetch: Fetch
) -> None:
    with TokenServer(Saying(200, b"{}")) as other:
        auth = oauth(gateway, token_url=other.address.replace("127.0.0.1", "localhost"))
        _, error = fetch(gateway.url, auth=auth)
        assert isinstance(error, SourceRefused)
        assert "not on an allowed host" in str(error)
        assert other.requests == 0
        request = Request((JANUARY,), ("127.0.0.1", "localhost"), allow_loopback=True)
        fetch(gateway.url, request, auth=auth)
        assert other.requests == 1


def test_basic_sends_user_and_password_in_utf8(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="basic") as gateway:
        gateway.id, gateway.secret = "sở", "mật khẩu: 1"
        parts, error = fetch(
            gateway.url, pages=NEXT, auth={"kind": "basic", "user": "sở", "password": "mật khẩu: 1"}
        )
        assert (len(parts), error) == (3, None)
        _, error = fetch(gateway.url, auth={"kind": "basic", "user": "sở", "password": "sai rồi"})
    assert isinstance(error, SourceRefused)


def test_a_key_goes_in_the_header_that_is_named(fetch: Fetch) -> None:
    with Gateway(ROWS, guard="api_key") as gateway:
        parts, error = fetch(
            gateway.url, pages=NEXT, auth={"kind": "api_key", "key": gateway.secret + "\n"}
        )
        assert (len(parts), error) == (3, None)
        assert gateway.headers["apikey"] == gateway.secret
        _, error = fetch(
            gateway.url, auth={"kind": "api_key", "header": "X-API-Key", "key": gateway.secret}
        )
        assert gateway.headers["x-api-key"] == gateway.secret
    assert isinstance(error, SourceRefused)


# TLS


@dataclass
class Papers:
    """An authority, and what it has signed."""

    authority: Path
    certificate: dict[str, str]
    key: dict[str, str]

    def server(self) -> ssl.SSLContext:
        """A server that asks for a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(
            self.authority.parent / "server.pem", self.authority.parent / "server.key"
        )
        context.load_verify_locations(self.authority)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other-ca"):
        openssl(
            "req",
            "-x509",
            *new,
            "-days",
            "2",
            "-subj",
            f"/CN={name}",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.pem",
        )
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1")
    for name, ca in (("server", "ca"), ("hub", "ca"), ("stranger", "other-ca")):
        openssl(
            "req", *new, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"
        )
        signed = [
            "-CA",
            f"{ca}.pem",
            "-CAkey",
            f"{ca}.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "san",
        ]
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
    names = ("hub", "stranger")
    certificates = {name: (folder / f"{name}.pem").read_text() for name in names}
    return Papers(
        folder / "ca.pem",
        certificates,
        {name: (folder / f"{name}.key").read_text() for name in names},
    )


def certificate(papers: Papers, name: str, key: str = "") -> dict[str, str]:
    return {
        "kind": "client_certificate",
        "certificate": papers.certificate[name],
        "key": papers.key[key or name],
    }


def test_a_client_certificate_opens(
    papers: Papers, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(papers.authority))
    with Gateway(ROWS, guard="none", tls=papers.server()) as gateway:
        parts, error = fetch(gateway.url, pages=NEXT, auth=certificate(papers, "hub"))
    assert (len(parts), error) == (3, None)


@pytest.mark.parametrize("auth", ["none", "stranger"])
def test_a_hub_without_a_certificate_that_the_gateway_takes_is_refused_at_once(
    papers: Papers, fetch: Fetch, monkeypatch: pytest.MonkeyPatch, auth: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(papers.authority))
    with Gateway(ROWS, guard="none", tls=papers.server()) as gateway:
        given = {"kind": "none"} if auth == "none" else certificate(papers, auth)
        began = time.monotonic()
        parts, error = fetch(gateway.url, auth=given, retries=20)
    assert isinstance(error, SourceRefused), error
    assert "certificate" in str(error)
    assert parts == []
    assert time.monotonic() - began < 10  # not tried again: that often it takes a minute


def test_a_gateway_whose_own_certificate_does_not_hold_is_refused_at_once(
    papers: Papers, fetch: Fetch
) -> None:
    with Gateway(ROWS, guard="none", tls=papers.server()) as gateway:
        _, error = fetch(gateway.url, auth=certificate(papers, "hub"), retries=3)
        assert gateway.requests == 0
    assert isinstance(error, SourceRefused)
    assert "certificate verify failed" in str(error)


@pytest.mark.parametrize(("name", "key"), [("hub", "stranger"), ("hub", "hub")])
def test_a_certificate_and_a_key_that_do_not_fit_are_refused_unasked(
    papers: Papers, fetch: Fetch, name: str, key: str
) -> None:
    auth = certificate(papers, name, key)
    if key == name:
        auth["key"] = "placeholder"
    _, error = fetch("https://127.0.0.1:9/", auth=auth)
    assert isinstance(error, SourceRefused)
    assert "cannot be used" in str(error)
    assert error.__cause__ is not None
    assert "PRIVATE" not in str(error)


URL = "https://a.example/"
WRONG: list[dict[str, Any]] = [
    {
        "url": URL,
        "auth": {
            "kind": "oauth2_client_credentials",
            "token_url": "http://a.example/token",
            "id": "a",
            "secret": "bi mat",
        },
    },
    {
        "url": URL,
        "auth": {
            "kind": "oauth2_client_credentials",
            "token_url": "https://u:bi mat@a.example/",
            "id": "a",
            "secret": "b",
        },
    },
    {
        "url": URL,
        "auth": {
            "kind": "oauth2_client_credentials",
            "token_url": URL,
            "id": "a",
            "secret": "bi mat\nX: y",
        },
    },
    {"url": URL, "auth": {"kind": "basic", "user": "a", "password": "bi mat\r\nX: y"}},
    {"url": URL, "auth": {"kind": "basic", "user": "a:b", "password": "bi mat"}},
    {"url": URL, "auth": {"kind": "api_key", "key": "bi mat"}},
    {"url": URL, "auth": {"kind": "api_key", "header": "X Y", "key": "bimat"}},
    {
        "url": "http://a.example/",
        "auth": {"kind": "client_certificate", "certificate": "bi mat", "key": "bi mat"},
    },
    {
        "url": URL,
        "auth": {"kind": "client_certificate", "certificate": "bi mat" * 10_000, "key": "bi mat"},
    },
    {"url": URL, "auth": {"kind": "digest", "password": "bi mat"}},
]


@pytest.mark.parametrize("settings", WRONG)
def test_settings_that_cannot_be_meant_are_refused_without_telling_secrets(
    settings: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError) as refused:
        RestSource.Settings(**settings)
    assert "bi mat" not in str(refused.value)


def test_settings_show_no_secret(gateway: Gateway) -> None:
    shown = repr(RestSource.Settings(url=gateway.url, auth=oauth(gateway)))
    assert gateway.secret not in shown
    assert gateway.id not in shown


KINDS: list[dict[str, str]] = [
    {"kind": "bearer", "token": "placeholder"},
    {"kind": "basic", "user": "placeholder", "password": "placeholder"},
    {"kind": "api_key", "key": "placeholder"},
    {"kind": "client_certificate", "certificate": "placeholder", "key": "placeholder"},
    {
        "kind": "oauth2_client_credentials",
        "token_url": URL,
        "id": "placeholder",
        "secret": "placeholder",
    },
]


@pytest.mark.parametrize("auth", KINDS)
def test_settings_can_be_checked_without_the_secrets(auth: dict[str, str]) -> None:
    assert RestSource.Settings(url=URL, auth=auth)
