"""The scenarios with all first-party modules, over a fake machine."""

from __future__ import annotations

from typing import Any

from mailstead.engine import Engine
from mailstead.machine.fake import FakeMachine
from mailstead.registry import Registry
from mailstead.testing import sources
from tests.faults.harness import Site, save
from tests.faults.scenarios import Scenario
from tests.plugins.four import PACKAGES

ALL = "all modules"
MODULES = ("network", "users", "mail_smtp", "mail_retrieval")
VERSION = "1:2.3.19.1+dfsg1-2.1"


def machine_for_all() -> FakeMachine:
    """Give a machine on which all of them can be installed; Debian's users are there."""
    machine = FakeMachine()
    machine.available.update(dict.fromkeys(PACKAGES, VERSION))
    for number, name in enumerate(("postfix", "dovecot", "dovenull"), 100):
        machine.users[name] = (number, number)
        machine.groups[name] = number
    machine.groups.update(mail=8, postdrop=200)
    return machine


def registry_of_all() -> Registry:
    """Give the registry of all first-party modules."""
    return Registry.discover(sources({name: f"mailstead_{name}" for name in MODULES}))


def enable_all(engine: Engine) -> None:
    """Enable everything in the draft, with a name and a domain."""
    engine.enable(MODULES, consents=MODULES)
    set_host(engine, hostname="mail", domain="example.org")
    add_domain(engine, "example.org")


def set_host(engine: Engine, **values: Any) -> None:
    """Change who the machine is, in the draft."""
    engine.editor.set_form("network.host", values, engine.actor)


def add_domain(engine: Engine, name: str) -> None:
    """Add a mail domain, in the draft."""
    engine.editor.add_row("mail_smtp.domains", {"name": name}, engine.actor)


def drafted(site: Site) -> None:
    """Have everything enabled in the draft, and Debian's own main.cf where ours will be."""
    path = site.services.prefix / "etc/postfix/main.cf"
    site.machine.add_file(path, b"# Debian's\n", mode=0o644)
    site.run(enable_all)


def saved(site: Site) -> None:
    """Save once."""
    drafted(site)
    assert site.run(save).result.outcome == "committed"


def with_option(site: Site) -> None:
    """Have the host renamed, of which every daemon is told."""
    saved(site)
    site.run(lambda engine: set_host(engine, hostname="other"))


def with_domain(site: Site) -> None:
    """Have a domain more, of which no daemon need be told."""
    saved(site)
    site.run(lambda engine: add_domain(engine, "example.net"))


ALL_SCENARIOS = (
    Scenario("all-first", ALL, drafted, save),
    Scenario("all-option", ALL, with_option, save),
    Scenario("all-domain", ALL, with_domain, save),
)
