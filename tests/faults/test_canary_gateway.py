"""Secrets for a gateway, looked for in everything that nights write while it fails, and while a package tells all."""

from __future__ import annotations

from pathlib import Path

from hub_core.testing.gateway import Gateway
from tests.faults.canaries import ID, SECRET, Listener, found, watched_world

OAUTH = 'auth = { kind = "oauth2_client_credentials", token_url = "%s", id = "secret:id", secret = "secret:secret" }'
TELLING = '''"""Tells all that it can see."""

import inspect
import os
import sys


def tell(frame):
    whose = [each.frame.f_locals.get("self") for each in inspect.stack()]
    seen = repr([each.order.secrets for each in whose if hasattr(each, "order")]) + repr([os.environ, sys.argv])
    print(seen)
    print(seen, file=sys.stderr)
    raise ValueError(seen)
'''


def test_no_secret_is_in_anything_that_nights_with_a_bad_gateway_or_package_write(tmp_path: Path) -> None:
    with watched_world(tmp_path / "world") as world:
        package = world.packages / "thanh_hoa" / "hub_provinces" / "thanh_hoa" / "telecom.toml"
        heard, server = Listener(world), world.systems.servers["thanh_hoa/telecom"]
        plain = package.read_text(encoding="utf-8")
        bearer = next(line for line in plain.splitlines() if line.startswith("auth"))
        toml = world.home / "config" / "hub.toml"
        text = toml.read_text(encoding="utf-8")
        for fault in ("expire", "401", "inside", "next inside"):
            rows = server.rows["2026-M10"]  # type: ignore[call-overload]  # by period
            with Gateway(rows) as gateway:
                gateway.id, gateway.secret = ID, SECRET
                gateway.fault = fault  # type: ignore[assignment]  # one of its own
                package.write_text(plain.replace(bearer, OAUTH % gateway.token_url), encoding="utf-8")
                toml.write_text(text.replace(server.url, gateway.url), encoding="utf-8")
                heard.night()
                heard.night()
        toml.write_text(text, encoding="utf-8")
        (package.parent / "raising.py").write_text(TELLING, encoding="utf-8")
        package.write_text('prepare = "hub_provinces.thanh_hoa.raising:tell"\n' + plain, encoding="utf-8")
        for _ in range(2):
            told = heard.night()
            assert b"[secret]" in told, told  # it was told, and hidden
        heard.look()
        assert found(world, heard.said) == []
