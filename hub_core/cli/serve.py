"""``hub serve``."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from hub_core.cli.output import Home, Now, moment


def serve(home: Home = Path(), now: Now = None) -> None:
    """Run the night at its hour, try again what failed, and deliver, until told to stop."""
    from hub_core.obligations import ZONE
    from hub_core.serving import Serving

    began, start = time.monotonic(), moment(now)

    def clock() -> datetime:
        return start + timedelta(seconds=time.monotonic() - began) if now else moment(None)

    def say(text: str) -> None:
        sys.stdout.write(f"{clock().astimezone(ZONE):%Y-%m-%d %H:%M:%S} {text}\n")
        sys.stdout.flush()

    Serving(home.resolve(), clock, say, rehearsal=now is not None).run()
