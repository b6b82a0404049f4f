from pathlib import Path

from hub_core.testing.suite import ProvinceSuite


class TestProvince(ProvinceSuite):
    package = Path(__file__).parent
