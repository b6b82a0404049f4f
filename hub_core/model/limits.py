"""How much one child process may take."""

from __future__ import annotations

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Mebibytes that a child may take: of memory, in one file, in its scratch folder."""

    memory_mb: int = 2048
    file_mb: int = 4096
    scratch_mb: int = 16384

    def exceeded_message(self, key: str, deed: str) -> str:
        """Say that a child exceeded a limit, and who must act.

        ``key``: the limit's name in hub.toml; ``deed``: what the child did, as in ``took 9 MB,
        more``.
        """
        allowed = f"the {getattr(self, key)} MB that {key} in hub.toml allows"
        who_acts = "its author must need less, or the operator allow more"
        return f"{deed} than {allowed}, and was ended: {who_acts}"
