"""A backup of one instance restored into it and into another."""

from __future__ import annotations

from collections.abc import Callable

from tests.core.backup.site import Site


def test_what_was_lost_comes_back(site: Site) -> None:
    """Settings, users, accounts, passwords, published domains and files of the admin's own."""
    site.write("/etc/mailstead/notes/main.cf", b"mine\n")
    made = site.backup()
    site.add_domain("example.net")
    site.add_user("joan")
    site.set_form("network.host", hostname="other")
    assert site.engine.save().outcome == "committed"
    site.write("/etc/mailstead/notes/main.cf", b"other\n")
    result = site.restore(made.path)
    assert (result.outcome, result.reason, result.revision) == ("committed", "", 5)
    assert site.users() == ["ada", "grace"]
    assert site.knows("ada", "correct horse")
    assert site.accounts() == ["ada@example.org", "grace@example.org"]
    assert site.published() == ["example.org"]
    assert site.path("/etc/mailstead/notes/main.cf").read_bytes() == b"mine\n"
    assert site.engine.plan().is_empty


def test_another_machine_takes_over(site: Site, make_site: Callable[..., Site]) -> None:
    """An empty instance with another folder, address and ports."""
    made = site.backup()
    key = site.path("/etc/mailstead/tls/mail.pem").read_bytes()
    other = make_site(port_offset=12000, address="127.0.0.9")
    before = other.path("/etc/mailstead/instance.toml").read_bytes()
    assert other.restore(made.path).outcome == "committed"
    assert other.users() == ["ada", "grace"]
    assert other.published() == ["example.org"]
    assert other.path("/etc/mailstead/tls/mail.pem").read_bytes() == key
    assert other.path("/etc/mailstead/instance.toml").read_bytes() == before
    assert str(other.path("/")) in other.path("/etc/postfix/main.cf").read_text()
    assert other.engine.plan().is_empty
