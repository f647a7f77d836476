"""An admin's own additions before the real postconf(1) and doveconf(1); no daemon is started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path as HostPath

import attrs
import pytest

from mailstead.errors import CheckFailed, PlanError
from mailstead.instance import Instance
from mailstead.machine.real import RealMachine
from mailstead.machine.values import Path
from mailstead.registry import Registry
from mailstead.testing import sources
from mailstead.transaction.additions import Additions, read_additions
from mailstead.transaction.stage import StagedFile, staged
from mailstead_mail_retrieval.daemon import checks as dovecot_checks
from mailstead_mail_smtp.postfix.daemon import checks as postfix_checks
from tests.plugins.contexts import MODULES, Bench, bench

SNIPPETS = "/etc/mailstead/snippets"
MAIN, MASTER = f"{SNIPPETS}/mail_smtp/main.cf", f"{SNIPPETS}/mail_smtp/master.cf"
DOVECOT = f"{SNIPPETS}/mail_retrieval/dovecot.conf"
OVERRIDE = "/etc/mailstead/templates/mail_smtp/main.cf.j2"
INCLUDE = '{% include "original/main.cf.j2" %}'


@attrs.frozen
class Server:
    """A server's files: rendered with its additions, staged, and checked by the real tools."""

    instance: Instance
    made: Bench

    def add(self, path: str, text: str) -> None:
        """Write an addition as root."""
        real = HostPath(self.instance.path(path))
        real.parent.mkdir(parents=True, exist_ok=True)
        real.write_text(text)

    def check(self) -> None:
        """Render, stage and check. Raises PlanError, CheckFailed."""
        context = self.made.context(self.instance)
        additions = self._additions()
        files = [
            StagedFile(item.path, item.content, item.secret, item.added)
            for name in ("mail_smtp", "mail_retrieval")
            for item in self.made.render(name, context, additions.get(name, Additions())).values()
        ]
        own = [item for item in postfix_checks(context) if item.argv[0] == "postconf"]
        with staged(RealMachine(), self.instance, files) as staging:
            for check in (*own, *dovecot_checks()):
                staging.run("mail", check)

    def refusal(self) -> str:
        """Give the words with which it is refused."""
        with pytest.raises(CheckFailed) as caught:
            self.check()
        return caught.value.problem

    def _additions(self) -> dict[str, Additions]:
        registry = Registry.discover(sources({name: f"mailstead_{name}" for name in PLUGINS}))
        renderer_names = {"mail_smtp": ("main.cf.j2",)}
        machine = RealMachine()
        return read_additions(machine, self.instance, registry, MODULES, renderer_names.__getitem__)


PLUGINS = ("network", "users", "mail_smtp", "mail_retrieval")


@pytest.fixture
def server(tmp_path: HostPath) -> Iterator[Server]:
    """Give a server in a folder that only root can write to."""
    assert os.geteuid() == 0
    instance = Instance(Path(tmp_path / "i"), kind="sandbox", addresses=("127.0.0.1",))
    HostPath(instance.state_path()).mkdir(parents=True)
    with bench(tmp_path) as made:
        yield Server(instance, made)


def test_without_additions_both_tools_are_content(server: Server) -> None:
    """So that what they say below is about the additions."""
    server.check()


def test_good_additions_pass(server: Server) -> None:
    """A new and another value of ours, a service, a setting of Dovecot's, a template."""
    server.add(MAIN, "# slower\nmax_idle = 50s\nsmtpd_banner = $myhostname hello\n")
    server.add(MASTER, "2525 inet n - n - - smtpd\n  -o syslog_name=postfix/extra\n")
    server.add(DOVECOT, "mail_debug = yes\nservice imap {\n  process_limit = 50\n}\n")
    server.add(OVERRIDE, f"# of our own\n{INCLUDE}")
    server.check()


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        (MAIN, "max_idle = 50s\nsmtpd_bannner = x\n", f"{MAIN}:2"),
        (MAIN, "max_idle = ${x\n", f"{MAIN}:1"),
        (MASTER, "2525 inet n - n - - smtpd\n  -o smtpd_nothing=x\n", f"{MASTER}:2"),
        (DOVECOT, "mail_debug = yes\n\nmail_debugg = yes\n", f"{DOVECOT}:3"),
        (DOVECOT, "service imap {\n", f"{DOVECOT}:1"),
        (DOVECOT, "service imap-login {\n  inet_listener imap {\n    port = xx\n  }\n}\n",
         f"{DOVECOT}:3"),
    ],
)  # fmt: skip
def test_what_a_tool_refuses_is_told_by_the_snippets_own_line(
    server: Server, path: str, text: str, where: str
) -> None:
    """Beside the tool's words, which name the generated file."""
    server.add(path, text)
    assert where in server.refusal()


def test_what_is_no_parameter_is_refused_before_the_tools(server: Server) -> None:
    """With file and line."""
    server.add(MAIN, "max_idle = 50s\n\nsmtpd_banner hello\n")
    with pytest.raises(PlanError, match=rf"{MAIN}:3: is not NAME = VALUE"):
        server.check()


def test_an_override_that_a_tool_refuses_is_named(server: Server) -> None:
    """Its line is not known; that it is behind the file is."""
    server.add(OVERRIDE, f"{INCLUDE}\nnonsense\n")
    assert f"is made by your template {OVERRIDE}" in server.refusal()


def test_a_parameter_never_stands_twice(server: Server) -> None:
    """Postfix would warn, and warnings are refused; here every parameter of ours is given."""
    context = server.made.context(server.instance)
    text = server.made.render("mail_smtp", context)["/etc/postfix/main.cf"].content.decode()
    ours = [line for line in text.splitlines() if line and not line.startswith("#")]
    server.add(MAIN, "".join(f"{line}\n" for line in ours))
    server.check()
