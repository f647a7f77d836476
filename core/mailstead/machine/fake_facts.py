"""What a fake machine answers to questions about users, packages, network and login."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailstead.errors import CommandFailed
from mailstead.machine.fake_world import CallLog
from mailstead.machine.values import Completed, Listener, NetworkInterface

NOBODY = 65534


class FakeFacts:
    """Answers that a test sets as attributes.

    Attributes:
        users: name to (uid, gid). ``groups``: name to gid.
        packages: installed packages with versions. ``available``: those that could be.
        listening: what `listeners` gives. ``network``: what `interfaces` gives.
        root, systemd, host_name: what the port's questions of that kind give.
        login: what `session` gives. ``place``: what `origin` gives.
    """

    def __init__(self) -> None:
        self.log = CallLog()
        self.users: dict[str, tuple[int, int]] = {"root": (0, 0), "nobody": (NOBODY, NOBODY)}
        self.groups: dict[str, int] = {"root": 0, "nogroup": NOBODY}
        self.packages: dict[str, str] = {}
        self.available: dict[str, str] = {}
        self.listening: list[Listener] = []
        self.network = [NetworkInterface("lo", ("127.0.0.1", "::1"), up=True)]
        self.root = True
        self.systemd = False
        self.host_name = "mail"
        self.login = "terminal 1000@100"
        self.place = "terminal pts/0"

    def user(self, name: str) -> tuple[int, int] | None:
        """Look in ``users``."""
        self.log.note("user", name)
        return self.users.get(name)

    def group(self, name: str) -> int | None:
        """Look in ``groups``."""
        self.log.note("group", name)
        return self.groups.get(name)

    def owner_names(self, uid: int, gid: int) -> tuple[str, str]:
        """Look in ``users`` and ``groups`` the other way round."""
        self.log.note("owner_names", uid, gid)
        users = [name for name, (number, _) in self.users.items() if number == uid]
        groups = [name for name, number in self.groups.items() if number == gid]
        return "".join(users[:1]), "".join(groups[:1])

    def is_root(self) -> bool:
        """Give ``root``."""
        self.log.note("is_root")
        return self.root

    def package_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Look in ``packages``."""
        self.log.note("package_versions", tuple(names))
        return {name: self.packages[name] for name in names if name in self.packages}

    def available_version(self, name: str) -> str | None:
        """Look in ``available`` and ``packages``."""
        self.log.note("available_version", name)
        return self.available.get(name, self.packages.get(name))

    def install_packages(self, names: Sequence[str]) -> None:
        """Move packages from ``available`` to ``packages``; unknown ones fail as with apt."""
        self.log.note("install_packages", tuple(names))
        known = {**self.packages, **self.available}
        for name in names:
            if name not in known:
                argv = ("apt-get", "install", *names)
                raise CommandFailed(argv, 100, f"E: Unable to locate package {name}")
        self.packages.update({name: known[name] for name in names})

    def listeners(self) -> tuple[Listener, ...]:
        """Give ``listening``."""
        self.log.note("listeners")
        return tuple(self.listening)

    def interfaces(self) -> tuple[NetworkInterface, ...]:
        """Give ``network``."""
        self.log.note("interfaces")
        return tuple(self.network)

    def hostname(self) -> str:
        """Give ``host_name``."""
        self.log.note("hostname")
        return self.host_name

    def session(self) -> str:
        """Give ``login``."""
        self.log.note("session")
        return self.login

    def origin(self) -> str:
        """Give ``place``."""
        self.log.note("origin")
        return self.place

    def has_systemd(self) -> bool:
        """Give ``systemd``."""
        self.log.note("has_systemd")
        return self.systemd

    def add_user(self, argv: Sequence[str]) -> Completed:
        """Do what useradd does."""
        taken = [uid for uid, _ in self.users.values() if uid < NOBODY]
        uid = max([999, *taken]) + 1
        self.users[argv[-1]] = (uid, uid)
        self.groups[argv[-1]] = uid
        return Completed(0, "", "")
