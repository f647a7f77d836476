"""Read and make instances: ``<prefix>/etc/mailstead/instance.toml``.

An instance is made in one order (folders, store, this file last), so that a half-made one is
seen as such and can be completed by making it again.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

import attrs

from mailstead.errors import InstanceError
from mailstead.instance import CONFIG, STATE, Instance
from mailstead.machine.base import Machine
from mailstead.machine.values import Path

FORMAT = 1
LOGS = "/var/log"  # where daemons write when they are started


def read_instance(machine: Machine, prefix: Path) -> Instance:
    """Read the instance at a prefix. Raises InstanceError that says what to do."""
    if not machine.is_root():
        raise InstanceError("only root may do this", where=str(prefix), hint="use sudo")
    path = prefix / CONFIG.lstrip("/")
    _refuse_foreign(machine, prefix)
    if machine.stat_file(path) is None:
        raise _missing(machine, prefix)
    _refuse_foreign(machine, path)
    return _parse(machine.read_file(path).decode(), path, prefix)


def write_instance(machine: Machine, instance: Instance) -> None:
    """Write the instance's file; the last step of making it."""
    path = instance.path(CONFIG)
    machine.replace_file(path, _dump(instance).encode(), mode=0o644, uid=0, gid=0)


def check_arguments(instance: Instance) -> None:
    """Check what an instance is to be. Raises InstanceError naming what is wrong."""
    try:
        _checked(instance)
    except ValueError as error:
        where = str(instance.prefix)
        raise InstanceError(str(error), where=where, hint="see mailstead init --help") from error


def make_folders(machine: Machine, instance: Instance) -> None:
    """Make the folders an instance needs before its store. Raises InstanceError."""
    if not machine.is_root():
        raise InstanceError("only root may do this", where=str(instance.prefix), hint="use sudo")
    _refuse_unusable_prefix(machine, instance)
    _refuse_other(machine, instance)
    for path in (CONFIG.rsplit("/", 1)[0], LOGS, STATE):
        folder = instance.path(path)
        for parent in (*reversed(folder.parents), folder):
            if machine.stat_file(parent) is None:
                machine.make_directory(parent, mode=0o755, uid=0, gid=0)
    # Daemons pass through it to what they read, and list nothing.
    machine.make_directory(instance.path(STATE), mode=0o711, uid=0, gid=0)


def _refuse_other(machine: Machine, instance: Instance) -> None:
    """Refuse to make another instance of one that is there; the same one is no harm."""
    path = instance.path(CONFIG)
    if machine.stat_file(path) is None:
        return
    if _parse(machine.read_file(path).decode(), path, instance.prefix) != instance:
        hint = "stop it and remove its folder first, or choose another folder"
        raise InstanceError("an instance with other properties is here", where=str(path), hint=hint)


def _missing(machine: Machine, prefix: Path) -> InstanceError:
    if machine.stat_file(prefix / STATE.lstrip("/")) is not None:
        problem = "the instance is half-created"
        return InstanceError(problem, where=str(prefix), hint="run `mailstead init` again")
    hint = "run `mailstead init`, or name another with --instance"
    return InstanceError("there is no instance here", where=str(prefix), hint=hint)


def _refuse_foreign(machine: Machine, path: Path) -> None:
    state = machine.stat_file(path)
    if state is not None and state.uid != 0:
        problem = f"it is owned by user id {state.uid}, not by root"
        raise InstanceError(problem, where=str(path), hint="choose a folder only root can change")


def _refuse_unusable_prefix(machine: Machine, instance: Instance) -> None:
    prefix = instance.prefix
    for folder in (*reversed(prefix.parents), prefix):
        state = machine.stat_file(folder)
        if state is None:
            return
        if state.kind != "directory":
            raise InstanceError("it is not a folder", where=str(folder), hint="choose another")
        if not state.mode & 0o001:
            hint = "the daemons' users must reach the instance; choose another folder"
            raise InstanceError("other users may not enter it", where=str(folder), hint=hint)
    _refuse_foreign(machine, prefix)


def _parse(text: str, path: Path, prefix: Path) -> Instance:
    import tomli

    try:
        raw = tomli.loads(text)
        if raw.pop("format", None) != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        return _checked(Instance(prefix=prefix, **_typed(raw)))
    except (ValueError, TypeError) as error:
        hint = "correct it, or make the instance again"
        raise InstanceError(str(error), where=str(path), hint=hint) from error


def _typed(raw: dict[str, Any]) -> dict[str, Any]:
    known = {item.name for item in attrs.fields(Instance)} - {"prefix"}
    unknown = sorted(set(raw) - known)
    if unknown:
        raise ValueError(f"{unknown[0]} is not known here; known: {', '.join(sorted(known))}")
    return {**raw, "addresses": tuple(raw.get("addresses", ()))}


def _checked(instance: Instance) -> Instance:
    for address in instance.addresses:
        ipaddress.ip_address(address)
    if instance.outside:
        _check_outside(instance.outside)
    if instance.kind not in ("system", "sandbox"):
        raise ValueError(f"kind is {instance.kind!r}; known: system, sandbox")
    return instance


def _check_outside(text: str) -> None:
    found = re.fullmatch(r"\[([0-9a-fA-F.:]+)\]:([0-9]{1,5})", text)
    if not found:
        raise ValueError(f"outside {text!r} is not of the form [address]:port")
    ipaddress.ip_address(found.group(1))


def _dump(instance: Instance) -> str:
    lines = [f"format = {FORMAT}", f"kind = {json.dumps(instance.kind)}"]
    lines.append(f"addresses = {json.dumps(list(instance.addresses))}")
    lines.append(f"port_offset = {instance.port_offset}")
    lines.append(f"outside = {json.dumps(instance.outside)}")
    lines.append(f"soak = {float(instance.soak)}")
    lines += ["", "[ports]", *(f"{name} = {port}" for name, port in instance.ports.items())]
    return "\n".join(lines) + "\n"
