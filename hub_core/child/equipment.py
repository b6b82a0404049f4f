"""What a gather works with, made before anything is asked of the department's system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from hub_core.child.preparing import load_prepare
from hub_core.child.validator_cache import ValidatorCache
from hub_core.config.province import with_secrets
from hub_core.contracts import Reader, Source
from hub_core.errors import PluginError
from hub_core.model.period import Calendar
from hub_core.rules import RuleContext
from hub_core.stages.normalise import Normaliser
from hub_core.stages.validate import Codes, Validator
from hub_core.structures import open_snapshot

if TYPE_CHECKING:
    from hub_core.config.province import Province, Provision
    from hub_core.landing.scratch import Scratch
    from hub_core.model.catalogue import Catalogue, Dataflow
    from hub_core.model.exchange import GatherOrder
    from hub_core.packages.load import ConnectorRegistry
    from hub_core.rules import Rule


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """What a gather works with: the province's declarations, its connectors, and the catalogue."""

    province: Province
    declared: Provision
    catalogue: Catalogue
    dataflow: Dataflow
    calendar: Calendar
    source: Source
    validator_cache: ValidatorCache
    reader: Reader
    prepare: Callable[[pl.DataFrame], pl.DataFrame] | None
    normalise: Normaliser
    codes: Codes
    rules: dict[str, Rule]
    validate: Validator

    @classmethod
    def of(
        cls,
        order: GatherOrder,
        province: Province,
        connectors: ConnectorRegistry,
        scratch: Scratch,
    ) -> Equipment:
        """Make all that an order needs. Raises HubError where something of it cannot be made."""
        catalogue = open_snapshot(Path(order.catalogue))
        if order.provision not in province.provisions:
            raise PluginError(f"the package has no provision {order.provision}")
        declared = province.provisions[order.provision]
        dataflow = catalogue.dataflows[declared.dataflow]
        calendar = Calendar(declared.calendar or dataflow.calendar)
        where = f"{order.provision}.toml"
        settings = declared.source | order.source
        source = connectors.make(Source, with_secrets(settings, order.secrets), f"{where} [source]")
        validator_cache = ValidatorCache(order, settings, scratch)
        reader = connectors.make(Reader, declared.reader, f"{where} [reader]")
        prepare = load_prepare(declared.prepare)
        normalise = Normaliser(province, order.provision, catalogue, calendar)
        codes = _codes(calendar, normalise)
        reporting_scope = frozenset(order.speaks_for), frozenset(order.indicators)
        context = RuleContext(catalogue, *reporting_scope, calendar, normalise.periods.codes)
        requested_periods = None if declared.periods == "all" else order.periods
        return cls(
            province=province,
            declared=declared,
            catalogue=catalogue,
            dataflow=dataflow,
            calendar=calendar,
            source=source,
            validator_cache=validator_cache,
            reader=reader,
            prepare=prepare,
            normalise=normalise,
            codes=codes,
            rules=connectors.rules,
            validate=Validator(context, codes, requested_periods, connectors.rules),
        )


def _codes(calendar: Calendar, normalise: Normaliser) -> Codes:
    lists = {
        "indicator": normalise.indicators.codes,
        "org_unit": normalise.org_units.codes,
        "period": normalise.periods.codes,
        "measure": normalise.measures.codes,
        "dims": normalise.dims.codes,
        "status": normalise.statuses.codes,
    }
    return Codes(calendar, lists)
