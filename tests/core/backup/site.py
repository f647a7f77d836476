"""Real instances without daemons: real files and databases, pretended users and services."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import attrs
import sqlalchemy as sa
from argon2 import PasswordHasher

from mailstead.backup.create import Made, Wanted, create_backup
from mailstead.backup.opening import OpenedArchive, open_archive
from mailstead.backup.restore import Restore
from mailstead.engine import Engine
from mailstead.instance import Instance
from mailstead.machine.conversation import Conversation
from mailstead.machine.fake import FakeMachine, FakeServices
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Completed, Listener, Path
from mailstead.registry import Registry
from mailstead.settings.secret import Secret
from mailstead.transaction.request import SaveResult
from mailstead_mail_smtp.addresses.accounts import list_accounts
from mailstead_users.opening import open_directory
from mailstead_users.passwords import Passwords
from mailstead_users.users import Users

WORDS = "correct horse"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
IDS = {"postfix": (20102, 20105), "vmail": (20999, 20999)}


class QuietMachine(RealMachine):
    """The real machine, on which programs succeed, packages are there, and probes go well."""

    def run(
        self,
        argv: Sequence[str],  # noqa: ARG002 - nothing is run
        *,
        timeout: float = 60.0,  # noqa: ARG002 - nothing is run
        stdin: str = "",  # noqa: ARG002 - nothing is run
        background_output: Path | None = None,  # noqa: ARG002 - nothing is run
    ) -> Completed:
        """Succeed."""
        return Completed(0, "", "")

    def user(self, name: str) -> tuple[int, int] | None:
        """Know the daemons' users."""
        return IDS.get(name) or super().user(name)

    def group(self, name: str) -> int | None:
        """Know the daemons' groups."""
        return IDS[name][1] if name in IDS else super().group(name)

    def owner_names(self, uid: int, gid: int) -> tuple[str, str]:
        """Know the daemons' users the other way round."""
        for name, ids in IDS.items():
            if ids == (uid, gid):
                return name, name
        return super().owner_names(uid, gid)

    def package_versions(self, names: Sequence[str]) -> Mapping[str, str]:
        """Have everything."""
        return dict.fromkeys(names, "2.3.19")

    def listeners(self) -> tuple[Listener, ...]:
        """Have every port free."""
        return ()

    def converse(self, conversation: Conversation, *, timeout: float = 5.0) -> None:
        """Have every service answer."""


@attrs.frozen
class Site:
    """An instance with users and mail."""

    engine: Engine
    services: FakeServices

    def path(self, path: str) -> pathlib.Path:
        """Give a real path."""
        return pathlib.Path(self.engine.instance.path(path))

    def enable(self, *modules: str) -> None:
        """Enable modules and save."""
        self.engine.enable(modules, consents=modules)
        assert self.engine.save().outcome == "committed"

    def set_form(self, place: str, **values: object) -> None:
        """Change the draft."""
        self.engine.editor.set_form(place, values, self.engine.actor)

    def add_domain(self, name: str) -> None:
        """Add a mail domain and save."""
        self.engine.editor.add_row("mail_smtp.domains", {"name": name}, self.engine.actor)
        assert self.engine.save().outcome == "committed"

    def add_user(self, name: str, password: str = WORDS) -> None:
        """Add a user, who gets an account in the only domain."""
        context = self.engine.context("running")
        with open_directory(context) as directory:
            Users(directory, context, Passwords(8, CHEAP)).add_user(name, Secret(password))

    def set_password(self, name: str, password: str) -> None:
        """Give a user another password."""
        context = self.engine.context("running")
        with open_directory(context) as directory:
            Users(directory, context, Passwords(8, CHEAP)).set_password(name, Secret(password))

    def knows(self, name: str, password: str) -> bool:
        """Tell whether a user has a password."""
        context = self.engine.context("running")
        with open_directory(context) as directory:
            return Users(directory, context, Passwords(8, CHEAP)).check_password(
                name, Secret(password)
            )

    def users(self) -> list[str]:
        """Give the users' names."""
        context = self.engine.context("running")
        with open_directory(context) as directory:
            found = Users(directory, context, Passwords(8, CHEAP)).list_users()
        return [user.name for user in found]

    def accounts(self) -> list[str]:
        """Give the accounts' addresses."""
        with (
            open_directory(self.engine.context("running")) as directory,
            directory.read() as connection,
        ):
            return [item.address for item in list_accounts(connection)]

    def home(self, address: str) -> pathlib.Path:
        """Give the folder of an account's mail."""
        with (
            open_directory(self.engine.context("running")) as directory,
            directory.read() as connection,
        ):
            homes = {item.address: item.home for item in list_accounts(connection)}
        return self.path(f"/var/vmail/{homes[address]}")

    def published(self) -> list[str]:
        """Give the domains that Postfix looks up."""
        with (
            open_directory(self.engine.context("running")) as directory,
            directory.read() as connection,
        ):
            rows = connection.execute(sa.text("SELECT name FROM mail.domains ORDER BY 1"))
            return [row[0] for row in rows]

    def write(self, path: str, content: bytes, mode: int = 0o644) -> pathlib.Path:
        """Write a file as the admin would."""
        real = self.path(path)
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_bytes(content)
        real.chmod(mode)
        return real

    def deliver(self, address: str, name: str, content: bytes = b"mail") -> pathlib.Path:
        """Put a message into an account's mailbox, as the mail user would."""
        return put(self.home(address) / "Maildir" / name, content)

    def backup(self, file: str = "", **wanted: object) -> Made:
        """Make a backup."""
        words = {"passphrase": WORDS, **wanted}
        place = Path(self.path(file)) if file else None
        return create_backup(self.engine, Wanted(place=place, **words))  # type: ignore[arg-type]

    def backup_names(self) -> list[str]:
        """Give the names in the folder of backups."""
        return sorted(path.name for path in self.path("/var/backups/mailstead").iterdir())

    @contextmanager
    def opened(self, path: Path, passphrase: str | None = WORDS) -> Iterator[OpenedArchive]:
        """Open an archive for a restore."""
        with open_archive(self.engine, path, passphrase) as found:
            yield found

    def restore(self, path: Path, passphrase: str | None = WORDS, mail: bool = False) -> SaveResult:
        """Restore an archive, agreeing to whatever it does."""
        with self.opened(path, passphrase) as found:
            work = Restore(self.engine, found)
            result = work.save(work.plan())
            if mail:
                work.add_mail()
        return result

    def files(self) -> dict[str, tuple[bytes, int]]:
        """Give every file of the instance outside of backups and databases' own."""
        root = self.path("/")
        return {
            str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode)
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.name.endswith(("-wal", "-shm", ".lock", "lock"))
            and not {"backups", "restore"} & {*path.parts} and not path.name.endswith(".db")
        }  # fmt: skip


def put(path: pathlib.Path, content: bytes, modified: float = 1_700_000_000.0) -> pathlib.Path:
    """Write a file of the mail user's."""
    for folder in (*reversed(path.parents), path):
        if not folder.exists() and folder != path:
            folder.mkdir(mode=0o700)
            os.chown(folder, *IDS["vmail"])
    path.write_bytes(content)
    path.chmod(0o600)
    os.chown(path, *IDS["vmail"])
    os.utime(path, (modified, modified))
    return path


@contextmanager
def made_site(
    folder: pathlib.Path,
    port_offset: int = 10000,
    address: str = "127.0.0.1",
    registry: Registry | None = None,
) -> Iterator[Site]:
    """Make an instance in a folder."""
    instance = Instance(
        prefix=Path(folder),
        kind="sandbox",
        addresses=(address,),
        port_offset=port_offset,
        soak=0.0,
    )
    machine = QuietMachine()
    Engine.init(instance, machine=machine)
    services = FakeServices(FakeMachine())
    with Engine.open(folder, machine=machine, services=services, registry=registry) as engine:
        yield Site(engine, services)
