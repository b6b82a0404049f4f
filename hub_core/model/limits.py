"""How much one child may take."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Mebibytes that a child may take: of memory, in one file, in its scratch folder."""

    memory_mb: int = 2048
    file_mb: int = 4096
    scratch_mb: int = 16384

    def passed(self, key: str, what: str) -> str:
        """What is said of a child that passed a limit, and who must act."""
        allowed = f"the {getattr(self, key)} MB that {key} in hub.toml allows"
        return f"{what} than {allowed}, and was ended: its author must need less, or the operator allow more"
