"""What a module is made of: declarations, as data.

A module author writes one `Module` with components; enabling, planning, saving, probing and
undoing are then generic. Functions given here are pure unless their text says otherwise.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs

from mailstead.machine.base import Machine
from mailstead.machine.conversation import Conversation, Say
from mailstead.machine.values import RowChange
from mailstead.snippet import Snippet

if TYPE_CHECKING:
    from mailstead.context import Context

__all__ = [
    "Account", "Backup", "Check", "Conversation", "Daemon", "Fact", "Folder", "Generated", "Listen",
    "Module", "Native", "Probe", "Problem", "Publication", "RowChange", "Say", "Snippet",
    "Template", "resident",
]  # fmt: skip

ROOT = "root"
_SNIPPET = re.compile(r"|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")


@attrs.frozen
class Problem:
    """Something wrong with settings that only shows when they are seen together.

    Attributes:
        where: the field's path, such as ``network.members[office/pc].address``.
        problem: what is wrong.
        hint: what to do.
    """

    where: str
    problem: str
    hint: str = ""


@attrs.frozen
class Template:
    """A file that is rendered from a Jinja2 template of the plugin and owned by the module.

    Attributes:
        path: system path; must be listed in the manifest.
        template: file name below the plugin's ``templates/``, or a function of the context that
            gives one (a daemon's dialect) or ``None`` (no such file under these settings).
        variables: what the template sees besides ``context``, ``instance``, ``facts`` and the
            module's forms by name; a pure function of the context.
        secret: the content is never shown in a diff, a log or an error.
        snippet: name of the file in which an admin adds lines of their own to this one,
            ``/etc/mailstead/snippets/<module>/<snippet>``; they are appended.
        comment: what begins a comment in this file, for the line above those lines; without
            it there is no such line.
        drop_in: without its module it is nobody's: it lies in a folder that another's daemon reads
            whole, or only the module's own daemons read it. Disabling the module takes it away,
            where its other files stay unless they are restored.
        merge: where appending is not right: a pure function of this file's text and the
            snippet that gives the whole text. It refuses a line by ``snippet.refuse``.
    """

    path: str
    template: str | Callable[[Context], str | None]
    variables: Callable[[Context], Mapping[str, Any]] | None = None
    mode: int = 0o644
    owner: str = ROOT
    group: str = ROOT
    secret: bool = False
    snippet: str = attrs.field(default="", validator=attrs.validators.matches_re(_SNIPPET))
    comment: str = "#"
    merge: Callable[[str, Snippet], str] | None = None
    drop_in: bool = False


@attrs.frozen
class Generated:
    """A file that is made once when it is missing and never rewritten (a key, a certificate).

    ``make`` is called at save time with the context; it may use randomness and the clock.
    """

    path: str
    make: Callable[[Context], bytes]
    mode: int = 0o600
    owner: str = ROOT
    group: str = ROOT


@attrs.frozen
class Folder:
    """A folder a module needs; ``owner``/``group`` must exist (see `Account`).

    ``files_mode``, when set, is applied with the same owner and group to the files in it.
    """

    path: str
    mode: int = 0o755
    owner: str = ROOT
    group: str = ROOT
    files_mode: int | None = None


@attrs.frozen
class Account:
    """A system user (with a group of its name) a module needs; it stays when a save is undone."""

    name: str
    reason: str
    home: str = "/nonexistent"


@attrs.frozen
class Native:
    """A daemon's own control commands, for machines without systemd and for sandboxes.

    Words may hold ``{/system/path}``, which becomes the instance's real path.
    """

    start: tuple[str, ...]
    stop: tuple[str, ...]
    reload: tuple[str, ...]
    pid_file: str


@attrs.frozen
class Daemon:
    """A daemon a module runs.

    Attributes:
        name: the daemon's own name.
        unit: the systemd unit that is started and stopped.
        main_unit: the unit that holds the main process, where ``unit`` wants another for that
            (postfix@-).
        native: its own commands.
        reads: path prefixes; a change below one of them is what `on_change` answers to. So is a
            database there that a restore replaces; rows that are published change no file.
        on_change: ``reload``, ``restart`` or ``none``.
        restart_when: given old and new content by path, a reason to restart instead, or "".
        probes: a pure function of the context: what must answer when it runs.
        listens: a pure function of the context: the sockets it opens, so that a port in use
            by somebody else is found before anything is touched.
        runs_when: a pure function of the context; when it gives False the daemon is stopped.
    """

    name: str
    native: Native | None = None
    unit: str = ""
    main_unit: str = ""
    reads: tuple[str, ...] = ()
    on_change: Literal["reload", "restart", "none"] = "reload"
    restart_when: Callable[[Mapping[str, tuple[bytes | None, bytes | None]]], str] | None = None
    probes: Callable[[Context], Iterable[Probe]] | None = None
    listens: Callable[[Context], Iterable[Listen]] | None = None
    runs_when: Callable[[Context], bool] | None = None


def resident(name: str, *words: str, reads: tuple[str, ...] = ()) -> Daemon:
    """Make the daemon that is a command of ``mailstead`` which stays until it is stopped.

    Args:
        name: the daemon's name. On a system its unit is ``mailstead-<name>``, which the module
            gives as a template of its own; elsewhere ``/run/mailstead`` must be its `Folder`.
        words: the command line after ``mailstead``.
        reads: path prefixes; a change below one of them restarts it.
    """
    pid_file = f"/run/mailstead/{name}.pid"
    control = (sys.executable, "-m", "mailstead.machine.resident")
    command = (sys.executable, "-m", "mailstead.cli", "--instance", "{/}", *words)
    native = Native(
        start=(*control, "start", f"{{{pid_file}}}", *command),
        stop=(*control, "stop", f"{{{pid_file}}}"),
        reload=(*control, "reload", f"{{{pid_file}}}"),
        pid_file=pid_file,
    )
    unit = f"mailstead-{name}"
    return Daemon(name, native=native, unit=unit, reads=reads, on_change="restart")


@attrs.frozen
class Listen:
    """A TCP socket a daemon opens; an empty address means all of the machine's."""

    service: str
    port: int
    address: str = ""


@attrs.frozen
class Probe:
    """A conversation a running daemon must be able to hold.

    Attributes:
        title: for people.
        conversation: what is said.
        hint: what to do when it fails, where that lies elsewhere.
    """

    title: str
    conversation: Conversation
    hint: str = ""


@attrs.frozen
class Check:
    """A daemon's own checker, run on the staged tree before anything is touched.

    Words may hold ``{staged:/system/path}`` and ``{/system/path}``. A status other than 0
    refuses the plan, and so does a line of output that begins like one of ``refuse_output``.
    """

    title: str
    argv: tuple[str, ...]
    refuse_output: tuple[str, ...] = ()
    timeout: float = 30.0


@attrs.frozen
class Fact:
    """Something about the machine that rendering needs, found at plan time.

    ``find`` may look at the machine; what it gives must be a plain value.
    """

    name: str
    find: Callable[[Machine], Any]


@attrs.frozen
class Publication:
    """Rows of a settings table that daemons look up in a database, published by Save.

    Attributes:
        section: the attrs class of the table.
        database: system path of the SQLite database.
        table: name of the database's table.
        row: a pure function from a settings row to the published row; the columns in ``key``
            identify it.
        reloads: name of the module's daemon that remembers what it did not find, and so is
            reloaded when a row comes; "" where every row is seen at once.
    """

    section: type
    database: str
    table: str
    key: tuple[str, ...]
    row: Callable[[Any], Mapping[str, str | int | None]]
    reloads: str = ""


def _several(kind: type) -> Any:
    """Make a field of several components of one kind, so that another kind is found at import."""

    def validate(_: Module, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise TypeError(f"{attribute.name} is {type(value).__name__}, not a list")
        for item in value:
            if not isinstance(item, kind):
                given, wanted = type(item).__name__, kind.__name__
                raise TypeError(f"{attribute.name} holds {given} where {wanted} belongs")

    return attrs.field(default=(), validator=validate)


@attrs.frozen
class Backup:
    """Data of the module's own that belongs in a backup, apart from `Generated` files.

    Attributes:
        path: system path.
        kind: ``sqlite``: a database, copied while it is in use, and restored as a whole within
            the save; ``file``: restored within the save too; ``tree``: a folder, restored after
            the save by adding what is missing.
        optional: ``mail``: only with that option; every tree has one.
        counts: tables whose rows are counted for people.
        secret: left out of a backup that has no passphrase, as is any file that others may not
            read.
        same: of a tree: a pure function of a file's path below the folder that gives by what
            the file is known (a message whose flags changed is still that message), or ``None``
            for what needs no backup; by its path where it is not given.
        refresh: of a copy of what lies elsewhere: called before each backup, brings it up to date.
        restored: called after a restore brought it and the daemons run, puts back where it belongs
            what is missing there; gives what it did, in words. It may be called again.
    """

    path: str
    kind: Literal["sqlite", "file", "tree"]
    optional: Literal["", "mail"] = ""
    counts: tuple[str, ...] = ()
    secret: bool = True
    same: Callable[[str], str | None] | None = None
    refresh: Callable[[Context, Machine], None] | None = None
    restored: Callable[[Context, Machine], str] | None = None

    def __attrs_post_init__(self) -> None:
        if (self.kind == "tree") != bool(self.optional):
            raise ValueError(f"{self.path}: a tree, and nothing else, is optional")

    def known_by(self, path: str) -> str | None:
        """Give by what a file of a tree is known; ``None`` for what needs no backup."""
        return self.same(path) if self.same else path


@attrs.frozen
class Module:
    """A module: what an admin can set and what becomes of it.

    Attributes:
        sections: attrs classes made by `form` and `table`.
        checks: the daemons' own checkers, or a pure function of the context that gives them;
            run when files or settings of the module change.
        validate: cross-module checks of a whole draft; gives problems.
        notes: what a person must know of the step from running, the first context, to the draft;
            shown with the plan and after the save.
        hookspecs: classes whose methods others may implement.
        prepare: called at save time after packages and accounts exist, before files are
            written; creates what must exist once (databases). Must be safe to repeat.
        backups: data of its own that belongs in a backup.
    """

    sections: Sequence[type] = _several(type)
    files: Sequence[Template] = _several(Template)
    generated: Sequence[Generated] = _several(Generated)
    folders: Sequence[Folder] = _several(Folder)
    accounts: Sequence[Account] = _several(Account)
    daemons: Sequence[Daemon] = _several(Daemon)
    checks: Sequence[Check] | Callable[[Context], Iterable[Check]] = ()
    facts: Sequence[Fact] = _several(Fact)
    publications: Sequence[Publication] = _several(Publication)
    validate: Callable[[Context], Iterable[Problem]] | None = None
    notes: Callable[[Context, Context], Iterable[str]] | None = None
    prepare: Callable[[Context, Machine], None] | None = None
    hookspecs: Sequence[type] = _several(type)
    backups: Sequence[Backup] = _several(Backup)
