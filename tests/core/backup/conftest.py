"""Sites to back up and to restore into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mailstead.backup.seal import Key
from mailstead.errors import ArchiveError
from mailstead.registry import Registry
from tests.core.backup.changed import KEY, SNIPPET, Changed
from tests.core.backup.site import Site, made_site
from tests.core.packages import Packages


@pytest.fixture
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lock keys without stretching the passphrase, which takes seconds by design."""

    def lock(key: Key, passphrase: str) -> bytes:
        return f"{passphrase}\n{key._identity}\n".encode()

    def quick(locked: bytes, passphrase: str) -> Key:
        from pyrage.x25519 import Identity

        words, newline, identity = locked.decode("utf-8", "replace").partition("\n")
        if not newline or words != passphrase:
            raise ArchiveError("the passphrase is wrong, or the key is damaged", where="key.age")
        return Key(Identity.from_str(identity.strip()))

    monkeypatch.setattr(Key, "lock", lock)
    monkeypatch.setattr(Key, "unlock", quick)


@pytest.fixture
def make_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Site]]:
    """Give a maker of instances in short folders that other users can enter."""
    with ExitStack() as stack:

        def make(
            port_offset: int = 10000,
            address: str = "127.0.0.1",
            registry: Registry | None = None,
        ) -> Site:
            folder = tmp_path_factory.mktemp("i")
            for parent in (folder, *folder.parents):
                if parent.name.startswith(("pytest-", "popen-")) or parent == folder:
                    parent.chmod(0o755)
            return stack.enter_context(made_site(folder, port_offset, address, registry))

        yield make


@pytest.fixture
def bare(make_site: Callable[..., Site]) -> Site:
    """Give an instance with nothing enabled."""
    return make_site()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """Give an instance with a domain, two users and their accounts."""
    made = make_site()
    made.enable("network", "users", "mail_smtp")
    made.add_domain("example.org")
    made.add_user("ada")
    made.add_user("grace")
    return made


DOORBELL = '''
from mailstead.plugin import *


@form(title="Doorbell")
class Options:
    """What it knows."""

    name: types.Text = field(default="front", help="which door")
    token: types.Secret | None = field(default=None, help="what opens it")


module = Module(sections=[Options])
'''


@pytest.fixture
def doorbell(packages: Packages) -> Registry:
    """Give a registry with one module that has a secret setting."""
    return Registry.discover([packages.add("doorbell", "", DOORBELL)])


@pytest.fixture
def changed(site: Site) -> Changed:
    """Give a site with another user, domain, password, key and snippet than in its backup."""
    site.write(SNIPPET, b"old\n")
    made = site.backup()
    site.add_domain("example.net")
    site.add_user("joan")
    site.set_password("ada", "new password")
    site.write(KEY, b"new key", 0o600)
    site.write(SNIPPET, b"new\n")
    return Changed(site, made.path)
