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
    """A home with a copy of a configuration, pointed at sample systems and a sample ministry on loopback."""
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
        for provision, told in provisions.items():
            keys = "\n".join(f"{key} = {_quoted(str(value))}" for key, value in told.items())
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
    """A TOML text; JSON's way of writing one is among TOML's."""
    return json.dumps(text)
