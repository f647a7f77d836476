"""Is a text a script that will run? sievec(1) compiles it, and sievelib reads it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from email.utils import parseaddr
from typing import Any

import attrs

from mailstead.plugin import Context, Machine, MachineError, Path
from mailstead_mail_smtp.places import MAILDIRS, VMAIL
from mailstead_sieve.places import CHECKING, CONFIG, SCRIPTS, SUFFIX
from mailstead_sieve.scripts.accounts import Owner

_HINTS = (
    ("included personal script", "store that script first: `mailstead sieve put`"),
    ("include: global location", "include scripts of this account alone: `include :personal`"),
)
# To sievec a file is nobody's, and so may use what global scripts alone may.
OWN = ("-o", "plugin/sieve_global_extensions=")


@attrs.frozen
class Report:
    """What was found in a text.

    Attributes:
        errors: why it is not taken: what sievec says, as ``line 3: error: ...``, and what would
            send mail back to where it came from.
        warnings: what sievec warns of.
        unread: why sievelib does not read it; such a script runs, but no rule of it can be shown.
    """

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    unread: str = ""

    @property
    def hint(self) -> str:
        """Say what to do next, where the errors do not say it."""
        return next((hint for words, hint in _HINTS if words in "".join(self.errors)), "")


def check_script(
    context: Context, machine: Machine, owner: Owner, text: str, name: str = ""
) -> Report:
    """Compile a text as a script of an account and read it; nothing is stored.

    With a name it is compiled as if it were stored by it: what includes it in turn is refused.
    Raises MachineError when the compiler does not run.
    """
    errors, warnings = _compile(context, machine, owner, text, name)
    commands, unread = _read(text)
    return Report((*errors, *_returning(commands, owner)), warnings, unread)


def _compile(
    context: Context, machine: Machine, owner: Owner, text: str, name: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    label = f"check-{secrets.token_hex(8)}"
    name, folder = name or label, context.path(f"{CHECKING}/{label}")
    try:
        _stage(context, machine, owner, folder, f"{name}{SUFFIX}", text)
        personal = ("-o", f"plugin/sieve=file:{folder};active={folder}/.active")
        # Without the driver's name a colon in the script's would end one.
        words = ("-u", owner.address, "-d", f"file:{folder}/{name}{SUFFIX}")
        argv = ("sievec", "-c", str(context.path(CONFIG)), *OWN, *personal, *words)
        done = machine.run(argv)
    finally:
        machine.remove_tree(folder)
    said = [line.removeprefix(f"{name}: ") for line in done.stderr.splitlines()]
    lines = tuple(line for line in said if line and not line.startswith("sievec: "))
    if done.status == 0:
        return (), lines
    if not lines:
        raise MachineError(done.output, where=" ".join(argv))
    return lines, ()


def _stage(
    context: Context, machine: Machine, owner: Owner, folder: Path, name: str, text: str
) -> None:
    """Make a folder of an account's scripts as they would be; others only if any is included."""
    ids = machine.user(VMAIL)
    if ids is None:
        raise MachineError(f"there is no user {VMAIL}", where=str(folder), hint="save first")
    contents = _others(context, machine, owner) if "include" in text.lower() else {}
    machine.make_directory(folder, mode=0o750, uid=0, gid=ids[1])
    for each, content in {**contents, name: text.encode()}.items():
        machine.replace_file(folder / each, content, mode=0o600, uid=ids[0], gid=ids[1])


def _others(context: Context, machine: Machine, owner: Owner) -> dict[str, bytes]:
    stored = context.path(f"{MAILDIRS}/{owner.home}/{SCRIPTS}")
    found = {}
    for name in machine.list_directory(stored):
        state = machine.stat_file(stored / name)
        if name.endswith(SUFFIX) and state is not None and state.kind == "file":
            found[name] = machine.read_file(stored / name)
    return found


def _read(text: str) -> tuple[Sequence[Any], str]:
    """Give the commands of a text, or why sievelib does not read it."""
    from sievelib.parser import Parser

    parser = Parser()
    try:
        return (parser.result, "") if parser.parse(text) else ((), str(parser.error))
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return (), "sievelib fails at it"


def _returning(commands: Sequence[Any], owner: Owner) -> Iterator[str]:
    """Give what is wrong with commands that redirect mail to the account itself.

    An address that is made of variables is known at delivery only.
    """
    for command in commands:
        yield from _returning(command.children, owner)
        if command.name == "redirect":
            address = parseaddr(str(command["address"]).strip('"'))[1]
            if address.lower() in (owner.address, *owner.aliases):
                yield f'redirect "{address}" would come back here: use keep'
