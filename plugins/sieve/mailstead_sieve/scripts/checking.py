"""Is a text a script that will run? sievec(1) compiles it, and sievelib reads it."""

from __future__ import annotations

import secrets

import attrs

from mailstead.plugin import Context, Machine, MachineError
from mailstead_mail_smtp.places import VMAIL
from mailstead_sieve.places import CHECKING, CONFIG

# To sievec a file is nobody's, and so may use what global scripts alone may.
OWN = ("-o", "plugin/sieve_global_extensions=")


@attrs.frozen
class Report:
    """What was found in a text.

    Attributes:
        errors: why it does not compile, as sievec says it: ``line 3: error: ...``.
        warnings: what sievec warns of.
        unread: why sievelib does not read it; such a script runs, but no rule of it can be shown.
    """

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    unread: str = ""


def check_script(context: Context, machine: Machine, login: str, text: str) -> Report:
    """Compile a text as a script of an account and read it; nothing is stored.

    Raises MachineError when the compiler does not run.
    """
    errors, warnings = _compile(context, machine, login, text)
    return Report(errors, warnings, _read(text))


def _compile(
    context: Context, machine: Machine, login: str, text: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    name = f"check-{secrets.token_hex(8)}"
    path = context.path(f"{CHECKING}/{name}.sieve")
    owner = machine.user(VMAIL)
    if owner is None:
        raise MachineError(f"there is no user {VMAIL}", where=str(path), hint="save first")
    argv = ("sievec", "-c", str(context.path(CONFIG)), *OWN, "-u", login, "-d", str(path))
    machine.replace_file(path, text.encode(), mode=0o600, uid=owner[0], gid=owner[1])
    try:
        done = machine.run(argv)
    finally:
        machine.remove_file(path)
    said = [line.removeprefix(f"{name}: ") for line in done.stderr.splitlines()]
    lines = tuple(line for line in said if not line.startswith("sievec: "))
    if done.status == 0:
        return (), lines
    if not lines:
        raise MachineError(done.output, where=" ".join(argv))
    return lines, ()


def _read(text: str) -> str:
    from sievelib.parser import Parser

    parser = Parser()
    try:
        return "" if parser.parse(text) else str(parser.error)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return "sievelib fails at it"
