"""``python -m hub_core.cli``: the same as ``hub``."""

from hub_core.cli import main

main()
