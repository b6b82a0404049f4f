"""The command line: ``hub``.

One group of commands a module, hence so many modules: only what a command needs is loaded.
"""

from __future__ import annotations

import gc
import os
import sys

_WITH_A_CHILD = ("gather", "night", "replay", "backfill")  # commands that will surely need one


def main() -> None:
    """Run ``hub``.

    Exit code 0 done, 1 done with something that blocks, 2 usage or configuration, 3 unavailable.
    """
    gc.set_threshold(50_000, 20, 100)  # what is imported and read is never thrown away
    if sys.argv[1:2] and sys.argv[1] in _WITH_A_CHILD:
        from hub_core.cli import early

        early.start()
    from hub_core.cli.app import app
    from hub_core.errors import HubError, StoreError

    try:
        _show_logs()
        app()
    except (HubError, OSError) as error:
        from hub_core.cli.output import complain

        sys.exit(complain(error if isinstance(error, HubError) else StoreError.of(error)))


def _show_logs() -> None:
    """Show what the hub logs, where the environment asks for it."""
    if level := os.environ.get("HUB_LOG"):
        from hub_core.cli.logs import show_logs

        show_logs(level)


def command() -> None:
    """Run ``hub`` as it is installed.

    When all is closed and written, it ends at once, and frees no memory before.
    """
    try:
        main()
        code = 0
    except SystemExit as stop:
        if not isinstance(stop.code, int | None):
            raise
        code = stop.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
