"""One tree of errors: each says what is wrong, where, and what to do next.

The command line prints ``str(error)`` and exits with ``error.exit_status``; the web admin
will show the same three parts. Nothing here knows about either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from mailstead.transaction.moved import Moved


class MailsteadError(Exception):
    """Something a person can act on.

    Args:
        problem: what is wrong, in lower case, without a full stop.
        where: the field, file and line, or module it is about.
        hint: the next step.
        details: what else programs may want to know; never secrets.
    """

    exit_status: ClassVar[int] = 1

    def __init__(
        self,
        problem: str,
        *,
        where: str = "",
        hint: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.hint = hint
        self.details = details or {}

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        step = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.problem}{step}"


class Stopped(SystemExit):
    """The process was told to end by a signal: what catches a plugin's sys.exit lets it pass."""


class InvalidInput(MailsteadError):
    """What a person gave was refused; nothing was changed."""

    exit_status = 2


class InvalidValue(InvalidInput):
    """A field's value is outside its grammar; ``where`` is the field's path."""


class NotFound(InvalidInput):
    """The module, section, row, user or file that was named does not exist."""


class AlreadyExists(InvalidInput):
    """A row or name that must be unique is taken; also by a twin in case or IDN."""


class InUse(InvalidInput):
    """What is to be removed is referred to; ``users`` names each place that does."""

    def __init__(self, problem: str, *, users: tuple[str, ...], where: str = "") -> None:
        super().__init__(
            f"{problem}: used by {', '.join(users)}",
            where=where,
            hint="use --force to free every use of it as well",
        )
        self.users = users


class ManifestError(MailsteadError):
    """A plugin's manifest.toml cannot be used."""


class RegistryError(MailsteadError):
    """The modules together do not make a system: a cycle, a clash, something missing."""


class ModuleUnavailable(InvalidInput):
    """The module that was named is unknown, broken or blocked."""


class InstanceError(InvalidInput):
    """The instance folder cannot be used as it is."""


class ArchiveError(InvalidInput):
    """A backup cannot be used: damaged, forged, newer, or another passphrase."""


class Locked(InvalidInput):
    """Another process is saving; it is named, and nothing was changed."""


class MachineError(MailsteadError):
    """The operating system refused something."""


class StoreDamaged(MachineError):
    """The settings cannot be read; nothing is written to them until they are whole again."""


class StaysThere(MachineError):
    """A message is not wanted here and stays where it is; see `Machine.lmtp_gate`."""


class CommandFailed(MachineError):
    """A command ended with a status other than 0; ``output`` holds its own words."""

    def __init__(self, argv: tuple[str, ...], status: int, output: str) -> None:
        super().__init__(f"exit status {status}: {output.strip()}", where=" ".join(argv))
        self.argv = argv
        self.status = status
        self.output = output


class Unconfirmed(Locked):
    """A save waits to be confirmed; until then there is no other."""


class OperatorNeeded(MailsteadError):
    """An earlier save could not be undone; ``hint`` has the commands to run."""

    exit_status = 6


class PlanError(InvalidInput):
    """What is asked for cannot become a configuration; nothing was changed."""


class PlanMoved(PlanError):
    """The plan is not the one that was agreed to; ``moved`` tells what differs."""

    def __init__(
        self, problem: str, *, where: str, hint: str, details: Mapping[str, Any], moved: Moved
    ) -> None:
        super().__init__(problem, where=where, hint=hint, details=details)
        self.moved = moved


class RenderError(PlanError):
    """A file could not be rendered; ``where`` is module, template and line."""


class CheckFailed(PlanError):
    """A daemon's own checker refused the staged configuration."""


class ConsentNeeded(MailsteadError):
    """The plan does something nobody has agreed to yet."""

    exit_status = 4


class ProbeFailed(MachineError):
    """A service does not answer as it must."""
