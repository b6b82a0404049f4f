from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = next(Path(path) for path in sys.path if path.endswith("site-packages"))


def python_beside(base: str | Path, folder: Path, *more: Path) -> str:
    """A Python in a folder of its own, made from another of this version, with this project, its packages and more."""
    subprocess.run([base, "-m", "venv", "--without-pip", folder], check=True)
    site = folder / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (site / "here.pth").write_text("".join(f"{path}\n" for path in (*more, PACKAGES, ROOT)), encoding="utf-8")
    return str(folder / "bin" / "python")
