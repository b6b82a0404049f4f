"""The process in which a province's code runs: what it can be asked, one order at a time."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub_core.errors import HubError, PluginError, StoreError

if TYPE_CHECKING:
    from hub_core.config.province import Province
    from hub_core.model.exchange import CheckOrder, GatherOrder, LocateOrder
    from hub_core.packages.load import ConnectorRegistry

Progress = Callable[[dict[str, int]], None]


class Provinces:
    """What a child has loaded: the trusted connectors, and the one province that it serves."""

    def __init__(self, let_start: Callable[[], None] = lambda: None) -> None:
        """``let_start``.

        Called before a connector is made that starts processes, where a trusted package has it.
        """
        self._loaded: ConnectorRegistry | None = None
        self._province: Province | None = None
        self._let_start = let_start
        self._starting: set[str] = set()

    def connectors(self, trusted: list[str]) -> ConnectorRegistry:
        """The trusted packages' connectors."""
        from hub_core.packages.load import ConnectorRegistry

        if self._loaded is None:
            self._loaded = ConnectorRegistry(trusted)
            offered = self._loaded.manager.hook.hub_connectors()
            self._starting = {
                each.kind for all_ in offered for each in all_ if each.starts_processes
            }
        return self._loaded

    def province(self, order: GatherOrder | LocateOrder | CheckOrder) -> Province:
        """The province of an order, loaded once."""
        from hub_core.packages.load import load_province

        if self._province is None or self._province.id != order.plugin.name:
            loaded = self.connectors(order.trusted)
            self._province = load_province(loaded.manager, order.plugin)
            loaded.take_offers()
        return self._province

    def starting(self, order: GatherOrder | LocateOrder, source: dict[str, Any]) -> None:
        """Say so where the order's connectors start processes; ``source``.

        What the operator puts over its own.
        """
        assert self._province is not None
        declared = self._province.provisions.get(order.provision)
        if (
            declared
            and {(declared.source | source).get("kind"), declared.reader.get("kind")}
            & self._starting
        ):
            self._let_start()


def answer(order: dict[str, Any], provinces: Provinces, progress: Progress) -> dict[str, Any]:
    """What came of one order, as JSON: its answer, or ``error`` by class, message and place."""
    try:
        match order["kind"]:
            case "gather":
                from hub_core.model.exchange import GatherOrder

                return _gather(GatherOrder.model_validate(order), provinces, progress)
            case "locate":
                from hub_core.model.exchange import LocateOrder

                return _locate(LocateOrder.model_validate(order), provinces)
            case _:
                from hub_core.model.exchange import CheckOrder

                return _check(CheckOrder.model_validate(order), provinces)
    except HubError as error:
        return {"error": error.as_dict()}
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # noqa: BLE001 - an edge: a province's code, SystemExit and panics too
        if (told := _of_the_disk(error, str(order.get("scratch", "")))) is not None:
            return {"error": told.as_dict()}
        what = f"the province's code ended with {type(error).__name__}: {error}"
        return {"error": PluginError(what, province=order["plugin"]["name"]).as_dict()}


def _of_the_disk(error: BaseException, scratch: str) -> StoreError | None:
    """The error of a scratch folder that takes nothing more: no fault of the province's.

    Polars tells it in words.
    """
    told = re.search(r"\(os error ([0-9]+)\)", str(error))
    number = int(told[1]) if told else error.errno if isinstance(error, OSError) else None
    if number not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        return None
    return StoreError.of(OSError(number, os.strerror(number), scratch))


def _gather(order: GatherOrder, provinces: Provinces, progress: Progress) -> dict[str, Any]:
    from hub_core.child.gathering import Gathering

    def loaded() -> tuple[ConnectorRegistry, Province]:
        province = provinces.province(order)
        provinces.starting(order, order.source)
        return provinces.connectors(order.trusted), province

    return Gathering(order, progress).run(loaded).model_dump(mode="json")


def _locate(order: LocateOrder, provinces: Provinces) -> dict[str, Any]:
    """What is at the places of an order, in their order.

    Where it is too much for one answer, the first of them.
    """
    from hub_core.child.locating import located
    from hub_core.contracts import Reader
    from hub_core.landing.parts import open_part

    province = provinces.province(order)
    if order.provision not in province.provisions:
        raise PluginError(f"the package has no provision {order.provision}", province=province.id)
    provinces.starting(order, {})
    declared = province.provisions[order.provision].reader
    reader = provinces.connectors(order.trusted).make(
        Reader, declared, f"{order.provision}.toml [reader]"
    )
    found = located(reader, open_part(Path(order.parts), order.part), order)
    return {"located": [each.model_dump(mode="json") for each in found]}


def _check(order: CheckOrder, provinces: Provinces) -> dict[str, Any]:
    """Load the province and make everything that a gather would make; fetch nothing."""
    from hub_core.child.preparing import prepared
    from hub_core.config.province import secrets_named, with_secrets
    from hub_core.contracts import Reader, Source
    from hub_core.stages.normalise import Normaliser
    from hub_core.structures import open_snapshot

    province, connectors = provinces.province(order), provinces.connectors(order.trusted)
    catalogue = open_snapshot(Path(order.catalogue))
    problems = []
    for name, declared in province.provisions.items():
        try:
            if declared.dataflow not in catalogue.dataflows:
                problems.append(
                    f"{name}.toml: dataflow {declared.dataflow} is not in the catalogue"
                )
                continue
            source = declared.source | order.sources.get(name, {})
            placeholders = dict.fromkeys(secrets_named(source), "placeholder")
            connectors.make(Source, with_secrets(source, placeholders), f"{name}.toml [source]")
            connectors.make(Reader, declared.reader, f"{name}.toml [reader]")
            Normaliser(province, name, catalogue, catalogue.dataflows[declared.dataflow].calendar)
            prepared(declared.prepare)
        except HubError as error:
            problems.append(str(error))
    return {"problems": problems, "provisions": sorted(province.provisions)}
