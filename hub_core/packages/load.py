"""Packages, found and loaded one by one; those that fail are kept by name, with the reason."""

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
    """Find province packages by name, read as files, and say what is wrong with others.

    They are among the hub's own libraries, installed in a home, or in folders. Raises
    ConfigurationError where a folder of packages is missing; a bad package in it is named and
    passed over.
    """
    packages: dict[str, Plugin] = {}
    broken: dict[str, str] = {}
    for entry in importlib.metadata.entry_points(group=hookspecs.GROUP):
        if _MODULE.fullmatch(entry.value):
            _add_package(
                packages,
                broken,
                entry.name,
                entry.value,
                None,
                entry.dist.version if entry.dist else "",
            )
    if home is not None:
        _add_installed(packages, broken, home)
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
            if name in packages:
                broken[path.parent.name] = (
                    f"{path}: there is a package {name} already, in {packages[name].root}"
                )
            else:
                _add_package(
                    packages, broken, name, module, path.parent, str(project.get("version", ""))
                )
    return packages, broken


def declared(path: Path) -> tuple[dict[str, Any], str, str]:
    """Read a pyproject.toml: ``[project]``, and the one entry point's name and module.

    Raises PluginError where it cannot be read, or has another number of entry points.
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


def _add_installed(packages: dict[str, Plugin], broken: dict[str, str], home: Path) -> None:
    """Add the packages that a home holds itself to those found, or to the broken ones."""
    in_force, unread = installed.read(home)
    broken |= unread
    for package in in_force:
        if package.name in packages:
            why = f"there is a package {package.name} already, in {packages[package.name].root}"
            broken[package.name] = f"{why}: hub province remove {package.name}, or take that away"
        elif why := installed.why_unusable(home, package) or "":
            broken[package.name] = why
        else:
            packages[package.name] = installed.plugin(home, package)


def named_in_full(name: str, module: str) -> bool:
    """Tell whether an entry point's name and module are those of a province's package."""
    match = _MODULE.fullmatch(module)
    return match is not None and match.group(1) == name


def _add_package(
    packages: dict[str, Plugin],
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
    packages[name] = Plugin(name=name, module=module, root=str(root), folder=where, version=version)


class ConnectorRegistry:
    """The connectors of the trusted packages by role and kind, and the rules in force by code."""

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
        self._taken: list[object] = []  # the packages whose offers were taken
        self.rules: dict[str, Rule] = dict(RULES)
        self.take_offers()

    def take_offers(self) -> None:
        """Take connectors and rules from packages that were registered since the last call."""
        old_plugins, self._taken = self._taken, list(self.manager.get_plugins())
        for connectors in self.manager.subset_hook_caller("hub_connectors", old_plugins)():
            for connector in connectors:
                self._add_connector(connector)
        for rules in self.manager.subset_hook_caller("hub_rules", old_plugins)():
            for rule in rules:
                if rule.text.code in self.rules:
                    raise PluginError(f"two rules with code {rule.text.code}")
                self.rules[rule.text.code] = rule

    def _add_connector(self, connector: type[Connector]) -> None:
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
        """Make a connector from its settings in TOML.

        ``where``: the file and the key, for messages. Raises ConfigurationError naming the key.
        """
        from pydantic import ValidationError

        from hub_core.model.formats import explain

        kind = settings.get("kind")
        connector = self._classes.get((role, str(kind)))
        if connector is None:
            kinds = ", ".join(sorted(k for r, k in self._classes if r is role))
            raise ConfigurationError(
                f"{where}: no {role.__name__.lower()} of kind {kind!r}; there are {kinds}"
            )
        try:
            parsed = connector.Settings.model_validate(
                {k: v for k, v in settings.items() if k != "kind"}
            )
        except ValidationError as error:
            raise ConfigurationError(f"{where}: {explain(error)}") from error
        return connector(parsed)

    def writer(
        self, settings: dict[str, Any], where: str, document: type[Written]
    ) -> Writer[Written]:
        """Make a writer of one sort of document.

        Raises ConfigurationError where it writes another.
        """
        writer: Writer[Written] = self.make(Writer, settings, where)
        if writer.writes is not document:
            fit = ", ".join(
                sorted(
                    kind for (role, kind), c in self._classes.items() if _writes(role, c, document)
                )
            )
            what = f"a {writer.writes.__name__.lower()}, not a {document.__name__.lower()}"
            raise ConfigurationError(
                f"{where}: writer {writer.kind} writes {what}; there are {fit}"
            )
        return writer


def _writes(role: type[Connector], connector: type[Connector], document: type) -> bool:
    return role is Writer and issubclass(connector, Writer) and connector.writes is document


def register(manager: pluggy.PluginManager, module: str) -> object:
    """Import a package and register its hooks.

    Raises PluginError with the package's name for whatever the import raises.
    """
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
    """Load the province that a package's hook gives; only ever called in a child process.

    Raises PluginError where the package does not load, has no hook, or gives something else.
    """
    if plugin.folder and plugin.folder not in sys.path:
        sys.path.insert(0, plugin.folder)
        importlib.invalidate_caches()
        namespace = sys.modules.get("hub_provinces")
        if namespace is not None and hasattr(namespace, "__path__"):
            namespace.__path__ = [*namespace.__path__, str(Path(plugin.folder) / "hub_provinces")]
    libraries = installed.own_libraries(plugin)
    if libraries and libraries not in sys.path:
        sys.path.append(libraries)  # after the hub's own; no file.pth of it is obeyed
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
    provinces = [value for value in given if isinstance(value, Province)]
    if len(provinces) != 1 or len(given) != 1:
        raise PluginError(f"{plugin.module}: hub_province must give one Province, gave {given!r}")
    if provinces[0].id != plugin.name:
        raise PluginError(
            f"{plugin.module}: entry point {plugin.name} gives province {provinces[0].id}"
        )
    return provinces[0]
