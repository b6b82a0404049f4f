"""Find packages, load them one by one, and keep what failed by name."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from hub_core import hookspecs
from hub_core.config.province import Province
from hub_core.contracts import Connector, Reader, Sink, Source, Writer, Written
from hub_core.errors import ConfigurationError, HubError, PluginError
from hub_core.model.exchange import Plugin
from hub_core.packages import installed

if TYPE_CHECKING:
    from hub_core.rules import Rule

_MODULE = re.compile(r"hub_provinces\.([a-z][a-z0-9_]*)")
ROLES: tuple[type[Connector], ...] = (Source, Reader, Writer, Sink)


def find(
    folders: Iterable[Path], home: Path | None = None
) -> tuple[dict[str, Plugin], dict[str, str]]:
    """Province packages by name, read as files, and what is wrong with others.

    They are among the hub's own libraries, installed in a home, or in folders. A folder of packages
    that is missing is a ConfigurationError; a bad package in it is named and passed over.
    """
    found: dict[str, Plugin] = {}
    broken: dict[str, str] = {}
    for entry in importlib.metadata.entry_points(group=hookspecs.GROUP):
        if _MODULE.fullmatch(entry.value):
            _note(
                found,
                broken,
                entry.name,
                entry.value,
                None,
                entry.dist.version if entry.dist else "",
            )
    if home is not None:
        _add_installed(found, broken, home)
    for folder in folders:
        if not folder.is_dir():
            raise ConfigurationError(
                f"plugins.folders in hub.toml names {folder}, which is not there"
            )
        for path in sorted(folder.glob("*/pyproject.toml")):
            try:
                project, name, module = declared(path)
            except PluginError as error:
                broken[path.parent.name] = error.message
                continue
            if name in found:
                broken[path.parent.name] = (
                    f"{path}: there is a package {name} already, in {found[name].root}"
                )
            else:
                _note(found, broken, name, module, path.parent, str(project.get("version", "")))
    return found, broken


def declared(path: Path) -> tuple[dict[str, Any], str, str]:
    """What a pyproject.toml says: ``[project]``, and the one entry point's name and module.

    Raises PluginError.
    """
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        [(name, module)] = project["entry-points"][hookspecs.GROUP].items()
        if not isinstance(module, str):
            raise TypeError(f"{name} is no text")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise PluginError(
            f"{path}: needs one entry point in group {hookspecs.GROUP} ({error!r})"
        ) from error
    return project, name, module


def _add_installed(found: dict[str, Plugin], broken: dict[str, str], home: Path) -> None:
    """The packages that a home holds itself."""
    known, unread = installed.read(home)
    broken |= unread
    for told in known:
        if told.name in found:
            what = f"there is a package {told.name} already, in {found[told.name].root}"
            broken[told.name] = f"{what}: hub province remove {told.name}, or take that away"
        elif what := installed.trouble(home, told) or "":
            broken[told.name] = what
        else:
            found[told.name] = installed.plugin(home, told)


def named_in_full(name: str, module: str) -> bool:
    """Whether an entry point's name and module are those of a province's package."""
    match = _MODULE.fullmatch(module)
    return match is not None and match.group(1) == name


def _note(
    found: dict[str, Plugin],
    broken: dict[str, str],
    name: str,
    module: str,
    folder: Path | None,
    version: str,
) -> None:
    if not named_in_full(name, module):
        broken[name] = f"entry point {name} = {module!r} is not hub_provinces.{name}"
        return
    if folder is not None:
        root: Path | None = folder / "hub_provinces" / name
    else:
        try:
            spec = importlib.util.find_spec(module)
        except ModuleNotFoundError:  # its metadata are there, its files are not
            spec = None
        root = Path(spec.origin).parent if spec and spec.origin else None
    if root is None or not (root / "province.toml").is_file():
        broken[name] = f"{module}: province.toml is missing in {root}"
        return
    where = str(folder) if folder else None
    found[name] = Plugin(name=name, module=module, root=str(root), folder=where, version=version)


class ConnectorRegistry:
    """The connectors of the trusted packages, by role and kind."""

    def __init__(self, trusted: Iterable[str]) -> None:
        from hub_core.rules import RULES

        self.manager = pluggy.PluginManager(hookspecs.GROUP)
        self.manager.add_hookspecs(hookspecs)
        entries = {e.name: e for e in importlib.metadata.entry_points(group=hookspecs.GROUP)}
        for name in trusted:
            if name not in entries:
                raise ConfigurationError(
                    f"plugins.trusted in hub.toml names {name}, which is not installed"
                )
            register(self.manager, entries[name].value)
        self._classes: dict[tuple[type[Connector], str], type[Connector]] = {}
        self._heard: list[object] = []
        self.rules: dict[str, Rule] = dict(RULES)
        self.take_offers()

    def take_offers(self) -> None:
        """The connectors and rules of the packages that were registered since it was last asked."""
        heard, self._heard = self._heard, list(self.manager.get_plugins())
        for offered in self.manager.subset_hook_caller("hub_connectors", heard)():
            for connector in offered:
                self._offer(connector)
        for more in self.manager.subset_hook_caller("hub_rules", heard)():
            for rule in more:
                if rule.text.code in self.rules:
                    raise PluginError(f"two rules with code {rule.text.code}")
                self.rules[rule.text.code] = rule

    def _offer(self, connector: type[Connector]) -> None:
        role = next((r for r in ROLES if issubclass(connector, r)), None)
        kind = getattr(connector, "kind", None)
        if role is None or not kind:
            raise PluginError(
                f"{connector.__name__} is no Source, Reader, Writer or Sink with a kind"
            )
        if (role, kind) in self._classes:
            raise PluginError(
                f"two {role.__name__.lower()}s of kind {kind}: {connector.__name__} is the second"
            )
        self._classes[role, kind] = connector

    def make(self, role: type[Any], settings: dict[str, Any], where: str) -> Any:
        """A connector from its settings in TOML. Raises ConfigurationError naming the key."""
        from pydantic import ValidationError

        from hub_core.model.formats import explain

        kind = settings.get("kind")
        connector = self._classes.get((role, str(kind)))
        if connector is None:
            known = ", ".join(sorted(k for r, k in self._classes if r is role))
            raise ConfigurationError(
                f"{where}: no {role.__name__.lower()} of kind {kind!r}; there are {known}"
            )
        try:
            told = connector.Settings.model_validate(
                {k: v for k, v in settings.items() if k != "kind"}
            )
        except ValidationError as error:
            raise ConfigurationError(f"{where}: {explain(error)}") from error
        return connector(told)

    def writer(
        self, settings: dict[str, Any], where: str, document: type[Written]
    ) -> Writer[Written]:
        """A writer of one sort of document. Raises ConfigurationError where it writes another."""
        made: Writer[Written] = self.make(Writer, settings, where)
        if made.writes is not document:
            fit = ", ".join(
                sorted(
                    kind for (role, kind), c in self._classes.items() if _writes(role, c, document)
                )
            )
            what = f"a {made.writes.__name__.lower()}, not a {document.__name__.lower()}"
            raise ConfigurationError(f"{where}: writer {made.kind} writes {what}; there are {fit}")
        return made


def _writes(role: type[Connector], connector: type[Connector], document: type) -> bool:
    return role is Writer and issubclass(connector, Writer) and connector.writes is document


def register(manager: pluggy.PluginManager, module: str) -> object:
    """Import a package and take its hooks; whatever it raises is a PluginError with its name."""
    try:
        package = importlib.import_module(module)
        if not manager.is_registered(package):
            manager.register(package)
        unknown = [
            n
            for n in dir(package)
            if n.startswith("hub_") and _is_hook(package, n) and not hasattr(hookspecs, n)
        ]
        manager.check_pending()
    except HubError:
        raise
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        raise PluginError(f"{module} would not load: {type(error).__name__}: {error}") from error
    if unknown:
        raise PluginError(f"{module}: no such hook: {', '.join(unknown)}")
    return package


def _is_hook(package: object, name: str) -> bool:
    return hasattr(getattr(package, name), f"{hookspecs.GROUP}_impl")


def load_province(manager: pluggy.PluginManager, plugin: Plugin) -> Province:
    """The province that a package's hook gives; only ever called in a child process.

    Raises PluginError where the package does not load, has no hook, or gives something else.
    """
    if plugin.folder and plugin.folder not in sys.path:
        sys.path.insert(0, plugin.folder)
        importlib.invalidate_caches()
        spaces = sys.modules.get("hub_provinces")
        if spaces is not None and hasattr(spaces, "__path__"):
            spaces.__path__ = [*spaces.__path__, str(Path(plugin.folder) / "hub_provinces")]
    own = installed.own_libraries(plugin)
    if own and own not in sys.path:
        sys.path.append(own)  # after the hub's own; no file.pth of it is obeyed
        importlib.invalidate_caches()
    package = register(manager, plugin.module)
    if not hasattr(package, "hub_province"):
        raise PluginError(f"{plugin.module} has no hook hub_province")
    try:
        given = manager.subset_hook_caller("hub_province", [])()
    except HubError:
        raise
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        raise PluginError(
            f"{plugin.module}: hub_province raised {type(error).__name__}: {error}"
        ) from error
    mine = [each for each in given if isinstance(each, Province)]
    if len(mine) != 1 or len(given) != 1:
        raise PluginError(f"{plugin.module}: hub_province must give one Province, gave {given!r}")
    if mine[0].id != plugin.name:
        raise PluginError(f"{plugin.module}: entry point {plugin.name} gives province {mine[0].id}")
    return mine[0]
