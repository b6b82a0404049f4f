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

    def __init__(self, allow_process_start: Callable[[], None] = lambda: None) -> None:
        """Start with nothing loaded.

        ``allow_process_start`` is called before a connector is made that starts processes, where a
        trusted package has it.
        """
        self._loaded: ConnectorRegistry | None = None
        self._province: Province | None = None
        self._allow_process_start = allow_process_start
        self._process_starting_kinds: set[str] = set()

    def connectors(self, trusted: list[str]) -> ConnectorRegistry:
        """Return the trusted packages' connectors, loaded once."""
        from hub_core.packages.load import ConnectorRegistry

        if self._loaded is None:
            self._loaded = ConnectorRegistry(trusted)
            connectors_by_package = self._loaded.manager.hook.hub_connectors()
            self._process_starting_kinds = {
                connector.kind
                for package_connectors in connectors_by_package
                for connector in package_connectors
                if connector.starts_processes
            }
        return self._loaded

    def province(self, order: GatherOrder | LocateOrder | CheckOrder) -> Province:
        """Return the province of an order, loaded once."""
        from hub_core.packages.load import load_province

        if self._province is None or self._province.id != order.plugin.name:
            loaded = self.connectors(order.trusted)
            self._province = load_province(loaded.manager, order.plugin)
            loaded.take_offers()
        return self._province

    def allow_process_start_for(
        self, order: GatherOrder | LocateOrder, source: dict[str, Any]
    ) -> None:
        """Allow this process to start others, where the order's connectors do.

        ``source``: the settings that the operator puts over the provision's own.
        """
        assert self._province is not None
        declared = self._province.provisions.get(order.provision)
        if (
            declared
            and {(declared.source | source).get("kind"), declared.reader.get("kind")}
            & self._process_starting_kinds
        ):
            self._allow_process_start()


def answer(order: dict[str, Any], provinces: Provinces, progress: Progress) -> dict[str, Any]:
    """Carry out one order and return its answer as JSON.

    An error is returned as ``error``: its class, message and place.
    """
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
        if (disk_error := _disk_error(error, str(order.get("scratch", "")))) is not None:
            return {"error": disk_error.as_dict()}
        what = f"the province's code ended with {type(error).__name__}: {error}"
        return {"error": PluginError(what, province=order["plugin"]["name"]).as_dict()}


def _disk_error(error: BaseException, scratch: str) -> StoreError | None:
    """Return a StoreError where the scratch folder takes nothing more, else None.

    That is no fault of the province's. Polars names the system's error number in its text alone.
    """
    match = re.search(r"\(os error ([0-9]+)\)", str(error))
    number = int(match[1]) if match else error.errno if isinstance(error, OSError) else None
    if number not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        return None
    return StoreError.of(OSError(number, os.strerror(number), scratch))


def _gather(order: GatherOrder, provinces: Provinces, progress: Progress) -> dict[str, Any]:
    from hub_core.child.gathering import Gathering

    def load() -> tuple[ConnectorRegistry, Province]:
        province = provinces.province(order)
        provinces.allow_process_start_for(order, order.source)
        return provinces.connectors(order.trusted), province

    return Gathering(order, progress).run(load).model_dump(mode="json")


def _locate(order: LocateOrder, provinces: Provinces) -> dict[str, Any]:
    """Read what is at the places of an order, in their order.

    Where that is too much for one answer, it holds the first places alone.
    """
    from hub_core.child.locating import locate_places
    from hub_core.contracts import Reader
    from hub_core.landing.parts import open_part

    province = provinces.province(order)
    if order.provision not in province.provisions:
        raise PluginError(f"the package has no provision {order.provision}", province=province.id)
    provinces.allow_process_start_for(order, {})
    declared = province.provisions[order.provision].reader
    reader = provinces.connectors(order.trusted).make(
        Reader, declared, f"{order.provision}.toml [reader]"
    )
    located_cells = locate_places(reader, open_part(Path(order.parts), order.part), order)
    return {"located": [located.model_dump(mode="json") for located in located_cells]}


def _check(order: CheckOrder, provinces: Provinces) -> dict[str, Any]:
    """Load the province and make everything that a gather would make; fetch nothing."""
    from hub_core.child.preparing import load_prepare
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
            load_prepare(declared.prepare)
        except HubError as error:
            problems.append(str(error))
    return {"problems": problems, "provisions": sorted(province.provisions)}
