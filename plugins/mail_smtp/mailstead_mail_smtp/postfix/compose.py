"""Compose main.cf and master.cf of what modules contribute; each line keeps its contributor.

Grammar kept here: postconf(5) (a line that begins with white space continues the one before),
master(5). A value is one line, so it can never become a second parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import attrs

from mailstead.plugin import PlanError
from mailstead_mail_smtp.hookspecs import Parameter, Service

NAME = re.compile(r"[a-z][A-Za-z0-9_]*")
WORD = re.compile(r"[A-Za-z0-9_.:/\[\]?!-]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
HINT = "report it to the modules' authors, or disable one of them"

ParameterGroup = tuple[str, Sequence[Parameter]]
ServiceGroup = tuple[str, Sequence[Service]]


@attrs.frozen
class _Given:
    module: str
    parameter: Parameter


def compose_parameters(
    contributed: Iterable[tuple[str, Sequence[Parameter]]],
) -> list[ParameterGroup]:
    """Give parameters grouped by contributor, each once.

    Modules that give the same value share a heading ("a, b"). Raises PlanError when two give
    one parameter different values, naming both.
    """
    given: dict[str, list[_Given]] = {}
    for module, parameters in contributed:
        for parameter in parameters:
            _check_parameter(module, parameter)
            given.setdefault(parameter.name, []).append(_Given(module, parameter))
    return _grouped((_agree(items)) for items in given.values())


def compose_services(contributed: Iterable[tuple[str, Sequence[Service]]]) -> list[ServiceGroup]:
    """Give services grouped by contributor. Raises PlanError when two give one service."""
    owners: dict[tuple[str, str], str] = {}
    groups: dict[str, list[Service]] = {}
    for module, services in contributed:
        for service in services:
            _check_service(module, service)
            key = (service.name, service.type)
            if key in owners:
                problem = f"both {owners[key]} and {module} give the service {' '.join(key)}"
                raise PlanError(problem, where="master.cf", hint=HINT)
            owners[key] = module
            groups.setdefault(module, []).append(service)
    return list(groups.items())


def _agree(items: list[_Given]) -> _Given:
    firm = [item for item in items if not item.parameter.default] or items
    first = firm[0]
    for other in firm[1:]:
        if other.parameter.value != first.parameter.value:
            raise _conflict(first, other)
    modules = ", ".join(dict.fromkeys(item.module for item in firm))
    return _Given(modules, first.parameter)


def _conflict(one: _Given, other: _Given) -> PlanError:
    problem = (
        f"{one.module} gives {one.parameter.value!r}, "
        f"but {other.module} gives {other.parameter.value!r}"
    )
    return PlanError(problem, where=f"main.cf: {one.parameter.name}", hint=HINT)


def _grouped(agreed: Iterable[_Given]) -> list[ParameterGroup]:
    groups: dict[str, list[Parameter]] = {}
    for item in agreed:
        groups.setdefault(item.module, []).append(item.parameter)
    return list(groups.items())


def _check_parameter(module: str, parameter: Parameter) -> None:
    where = f"module {module}: main.cf parameter {parameter.name!r}"
    if not NAME.fullmatch(parameter.name):
        raise PlanError("the name is not that of a parameter", where=where, hint=HINT)
    _check_line(parameter.value, where)
    _check_line(parameter.comment, where)


def _check_service(module: str, service: Service) -> None:
    where = f"module {module}: master.cf service {service.name!r}"
    columns = (
        service.name, service.type, service.private, service.unpriv, service.chroot,
        service.wakeup, service.maxproc, service.command,
    )  # fmt: skip
    if not all(WORD.fullmatch(column) for column in columns):
        raise PlanError("a column is not one plain word", where=where, hint=HINT)
    for name, value in service.options.items():
        if not NAME.fullmatch(name):
            raise PlanError(f"{name!r} is not a parameter", where=where, hint=HINT)
        _check_line(value, where)
        if value.count("{") != value.count("}"):
            raise PlanError(f"braces of {name} do not match", where=where, hint=HINT)


def _check_line(value: str, where: str) -> None:
    if CONTROL.search(value):
        raise PlanError(f"{value!r} is not one line of text", where=where, hint=HINT)
