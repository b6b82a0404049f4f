"""The command line: ``hub``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``hub``; exit code 0 done, 1 done with something that blocks, 2 usage or configuration, 3 unavailable."""
    from hub_core.cli.app import app
    from hub_core.errors import HubError, StoreError

    try:
        app()
    except (HubError, OSError) as error:
        from hub_core.cli.output import complain

        sys.exit(complain(error if isinstance(error, HubError) else StoreError.of(error)))
