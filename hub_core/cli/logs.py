"""What the hub logs at its edges (children, database, the clock), shown where HUB_LOG asks for it."""

from __future__ import annotations

import logging

from hub_core.errors import ConfigurationError

VARIABLE = "HUB_LOG"
LEVELS = ("debug", "info", "warning", "error")


def show_logs(level: str) -> None:
    """Write log records of a level and above to standard error.

    Raises ConfigurationError for a word that is no level.
    """
    logger = logging.getLogger("hub_core")
    if level.lower() not in LEVELS:
        raise ConfigurationError(f"{VARIABLE} is one of {', '.join(LEVELS)}, and not {level!r}")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(level.upper())
