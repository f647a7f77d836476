"""Read and check a plugin's manifest.toml, before anything of the plugin is imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from mailstead.errors import ManifestError

API_VERSIONS = (1,)
_ID = re.compile(r"[a-z][a-z0-9_]{0,39}")
_COMMAND = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")


@attrs.frozen
class OwnedPath:
    """A file a module owns, with the reason an admin reads before consenting."""

    path: str
    reason: str


@attrs.frozen
class PortUse:
    """A TCP port a module's daemons listen on, by service name and standard number."""

    name: str
    port: int


@attrs.frozen
class Manifest:
    """What a module says of itself.

    Attributes:
        id: its name, as in entry point and folder.
        api: version of `mailstead.plugin` it was written for.
        title: what an admin reads.
        depends: modules that must be installed, and are saved before this one.
        enable_depends: modules that must be enabled before this one.
        boot_depends: modules whose daemons start first; ``enable_depends`` unless given.
        packages: Debian packages.
        paths: files it owns.
        ports: TCP ports.
        commands: names of its commands; ``<package>.commands`` must have them.
    """

    id: str
    api: int
    title: str
    summary: str = ""
    depends: tuple[str, ...] = ()
    enable_depends: tuple[str, ...] = ()
    boot_depends: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    paths: tuple[OwnedPath, ...] = ()
    ports: tuple[PortUse, ...] = ()
    commands: tuple[str, ...] = ()

    @property
    def after(self) -> frozenset[str]:
        """Give every module this one comes after."""
        return frozenset((*self.depends, *self.enable_depends))


def parse(text: str, where: str) -> Manifest:
    """Read a manifest. Raises ManifestError naming file, key and what is wrong."""
    import tomli

    try:
        raw = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise ManifestError(str(error), where=where) from error
    return _Reader(raw, where).manifest()


@attrs.frozen
class _Reader:
    raw: Mapping[str, Any]
    where: str

    def manifest(self) -> Manifest:
        self._refuse_unknown(self.raw, attrs.fields_dict(Manifest), "")
        api = self._get("api", int)
        if api not in API_VERSIONS:
            known = ", ".join(map(str, API_VERSIONS))
            self._fail("api", f"version {api} is not supported", f"this Mailstead has {known}")
        identity = self._get("id", str)
        if not _ID.fullmatch(identity):
            self._fail("id", f"{identity!r} is no module id", "small letters, digits and _")
        enable_depends = self._names("enable_depends", _ID)
        return Manifest(
            id=identity,
            api=api,
            title=self._get("title", str),
            summary=self._get("summary", str, ""),
            depends=self._names("depends", _ID),
            enable_depends=enable_depends,
            boot_depends=self._names("boot_depends", _ID) or enable_depends,
            packages=self._names("packages", _PACKAGE),
            paths=tuple(self._path(item) for item in self._get("paths", list, [])),
            ports=tuple(self._port(item) for item in self._get("ports", list, [])),
            commands=self._names("commands", _COMMAND),
        )

    def _get(self, key: str, kind: type, default: Any = attrs.NOTHING) -> Any:
        value = self.raw.get(key, default)
        if value is attrs.NOTHING:
            self._fail(key, "is missing", "")
        if not isinstance(value, kind) or isinstance(value, bool):
            self._fail(key, f"is {type(value).__name__}, not {kind.__name__}", "")
        return value

    def _names(self, key: str, grammar: re.Pattern[str]) -> tuple[str, ...]:
        values = self._get(key, list, [])
        for value in values:
            if not isinstance(value, str) or not grammar.fullmatch(value):
                self._fail(key, f"{value!r} is not a name", "")
        return tuple(values)

    def _path(self, item: Any) -> OwnedPath:
        self._table(item, OwnedPath, "paths")
        path = item["path"]
        if not isinstance(path, str) or not path.startswith("/") or ".." in path.split("/"):
            self._fail("paths", f"{path!r} is not an absolute path", "")
        return OwnedPath(path=path, reason=str(item["reason"]))

    def _port(self, item: Any) -> PortUse:
        self._table(item, PortUse, "ports")
        port = item["port"]
        if not isinstance(port, int) or not 1 <= port <= 65535:  # noqa: PLR2004 - TCP
            self._fail("ports", f"{port!r} is not a port", "")
        return PortUse(name=str(item["name"]), port=port)

    def _table(self, item: Any, cls: type[attrs.AttrsInstance], key: str) -> None:
        if not isinstance(item, dict):
            self._fail(key, "is not a table", f"write [[{key}]]")
        fields = attrs.fields_dict(cls)
        self._refuse_unknown(item, fields, f"{key}.")
        for name in fields:
            if name not in item:
                self._fail(f"{key}.{name}", "is missing", "")

    def _refuse_unknown(self, raw: Mapping[str, Any], known: Mapping[str, Any], at: str) -> None:
        for key in raw:
            if key not in known:
                self._fail(f"{at}{key}", "is not a manifest key", f"known: {', '.join(known)}")

    def _fail(self, key: str, problem: str, hint: str) -> None:
        raise ManifestError(problem, where=f"{self.where}: {key}", hint=hint)
