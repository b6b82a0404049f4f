"""A hub's home on sample systems, for tests and the demo."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

DATAFLOWS = ("TELECOM", "DENOMINATORS")


def make_home(
    home: Path,
    config: Path,
    packages: list[Path],
    sources: dict[str, dict[str, dict[str, Any]]],
    ministry: str | None = None,
    **gather: float,
) -> Path:
    """Make a home with a copy of a configuration, on sample systems on loopback.

    ``ministry``: the address of a sample ministry to deliver to; ``gather``: other values for
    settings of hub.toml, by name.
    """
    shutil.copytree(config, home / "config")
    path = home / "config" / "hub.toml"
    folders = ", ".join(_quoted(str(folder.resolve())) for folder in packages)
    text = path.read_text(encoding="utf-8").replace("folders = []", f"folders = [{folders}]")
    for name, number in gather.items():
        text = "\n".join(
            f"{name} = {number}" if line.split("=")[0].strip() == name else line
            for line in text.splitlines()
        )
    text = text.replace("[gather]\n", "[gather]\nallow_loopback = true\n")
    for province, provisions in sources.items():
        for provision, settings in provisions.items():
            keys = "\n".join(f"{key} = {_quoted(str(value))}" for key, value in settings.items())
            text += f"\n\n[sources.{province}.{provision}]\n{keys}"
    path.write_text(text + "\n", encoding="utf-8")
    if ministry is not None:
        (home / "config" / "deliveries" / "ministry.toml").write_text(
            "".join(
                f'[[delivery]]\ndataflow = {_quoted(dataflow)}\nrecipient = "G06"\n'
                f'recipient_name = "Bộ Khoa học và Công nghệ"\n'
                f'sink = {{ kind = "rest", url = {_quoted(ministry)} }}\n\n'
                for dataflow in DATAFLOWS
            ),
            encoding="utf-8",
        )
    return home


def _quoted(text: str) -> str:
    """Return a text as TOML; JSON's way of writing one is among TOML's."""
    return json.dumps(text)
