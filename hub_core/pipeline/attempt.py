"""One attempt to gather a provision: what is asked, what is under way, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hub_core.errors import HubError
from hub_core.home import GATHERS
from hub_core.model.exchange import GatherOrder


@dataclass(frozen=True)
class Task:
    """A provision and the periods to ask it for."""

    province: str
    provision: str
    periods: list[str]

    @property
    def key(self) -> str:
        """The provision, as people write it."""
        return f"{self.province}/{self.provision}"

    @property
    def lease(self) -> str:
        """The name of the lease on the provision."""
        return GATHERS + self.key


@dataclass(kw_only=True)
class GatherAttempt:
    """A gather under way: its number, its run, and the order for its child or why there is none."""

    task: Task
    dataflow: str
    run: int
    gather: str
    replay: int
    sequence: int
    scratch: Path
    order: GatherOrder | None = None
    failed: HubError | None = None


@dataclass(frozen=True, kw_only=True)
class GatherReport:
    """How one gather went.

    ``outcome``: done, unchanged, no data, held, failed, or elsewhere where another hub has it.
    """

    province: str
    provision: str
    dataflow: str
    periods: list[str]
    outcome: str
    counts: dict[str, int]
    revisions: dict[str, int]
    no_data: list[str]
    notes: list[str]
    error: str | None = None
    retryable: bool = False
    gather: str = ""
