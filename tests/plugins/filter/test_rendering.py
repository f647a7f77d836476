"""The filter's files: golden, pure, and none of it without the filter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mailstead_filter
from mailstead.instance import Instance
from mailstead.plugin import Say
from mailstead_filter import judgement, module
from mailstead_filter.rspamd import quoted
from mailstead_mail_retrieval.daemon import probes as dovecot_probes
from mailstead_mail_smtp.postfix.daemon import probes as postfix_probes
from mailstead_sieve.forwarding import MILTER_NAME
from tests.plugins.contexts import MODULES, SANDBOX, SYSTEM, Bench, bench, compare

GOLDEN = Path(__file__).parent / "golden"
ALL = (*MODULES, "filter")
NAMES = "/var/lib/clamav/mailstead.cdb"
RSPAMD = "/etc/mailstead/filter/rspamd.conf"


def in_use(made: Bench) -> None:
    """Let mail pass through the filter."""
    made.set("mail_smtp.filter", use="mailstead")


@pytest.mark.parametrize(
    ("name", "instance", "redis"),
    [("sandbox", SANDBOX, None), ("system", SYSTEM, "5:7.0.15")],
)
def test_golden_files(tmp_path: Path, name: str, instance: Instance, redis: str | None) -> None:
    """Every file is as it was when a person last looked at it; rendered twice it is the same."""
    with bench(tmp_path, ALL) as made:
        in_use(made)
        made.add("mail_smtp.domains", name="example.org")
        made.add("mail_smtp.domain_aliases", name="example.net", domain="example.org")
        made.add("filter.domains", domain="example.org", virus=False, tag="3.5")
        made.add("filter.senders", sender="*@bad.example", action="deny")
        made.set("filter.options", offline=name == "sandbox")
        made.set("filter.learning", automatic=True)
        context = made.context(instance, redis_version=redis)
        first = made.render("filter", context)
        assert first == made.render("filter", context)
    # The policy is no template but for its first line; the other holds the path of Python.
    first.pop("/etc/mailstead/filter/policy.lua")
    job = first.pop("/etc/cron.d/mailstead-quarantine").content.decode()
    assert job.endswith(f" --instance {instance.prefix} quarantine nightly --quiet\n")
    compare(GOLDEN, name, {_flat(path): item for path, item in first.items()})


def _flat(path: str) -> str:
    return path.replace(".d/mailstead.conf", "")


def test_every_rendered_file_is_in_the_manifest(tmp_path: Path) -> None:
    """An admin reads a reason for each."""
    text = Path(mailstead_filter.__path__[0], "manifest.toml").read_text()
    with bench(tmp_path, ALL) as made:
        in_use(made)
        paths = {
            path
            for instance in (SANDBOX, SYSTEM)
            for path in made.render("filter", made.context(instance, redis_version="1"))
        }
    assert len(paths) == text.count("[[paths]]")
    assert [path for path in paths if f'path = "{path}"' not in text] == []


def test_not_chosen_it_adds_nothing_to_others_and_runs_nothing(tmp_path: Path) -> None:
    """The option of mail_smtp decides."""
    with bench(tmp_path, ALL) as made:
        made.add("filter.recipients", recipient="@example.org", action="deny")
        context = made.context(redis_version="1")
        main_cf = made.render("mail_smtp", context)["/etc/postfix/main.cf"].content
        paths = made.render("filter", context)
        running = [
            item.name for item in module.daemons if item.runs_when and item.runs_when(context)
        ]
    assert b"milter" not in main_cf
    assert b"no mail is taken" not in main_cf
    assert [path for path in paths if not path.startswith("/etc/mailstead/filter/")] == []
    assert running == []


def test_in_use_postfix_asks_it_and_refuses_by_its_lists(tmp_path: Path) -> None:
    """Parameters of a milter, and a restriction for each recipient."""
    with bench(tmp_path, ALL) as made:
        in_use(made)
        made.add("filter.recipients", recipient="@example.org", action="deny")
        made.add("filter.recipients", recipient="ada@example.net", action="deny")
        main_cf = made.render("mail_smtp", made.context())["/etc/postfix/main.cf"].content.decode()
    assert "\nsmtpd_milters = unix:/srv/box/run/rspamd/milter.sock\n" in main_cf
    assert "\nnon_smtpd_milters = unix:/srv/box/run/rspamd/milter.sock\n" in main_cf
    assert "\nmilter_default_action = tempfail\n" in main_cf
    refused = "554 5.7.1 no mail is taken for this address"
    assert f"inline:{{{{example.org = {refused}}} {{ada@example.net = {refused}}}}}" in main_cf


def test_who_cannot_speak_with_postfix_is_told_of_the_filter(tmp_path: Path) -> None:
    """While a milter is down Postfix puts STARTTLS off; without one nothing is said of it."""
    with bench(tmp_path, ALL) as made:
        made.set("network.host", hostname="mail", domain="example.org")
        assert hints(made) == {""}
        in_use(made)
        (said,) = hints(made)
    assert "the mail filter, Rspamd and ClamAV, does not answer" in said


def hints(made: Bench) -> set[str]:
    """Give the hints of all probes that speak with smtpd(8) up to STARTTLS."""
    context = made.context()
    found = (*postfix_probes(context), *dovecot_probes(context))
    return {item.hint for item in found if Say("STARTTLS", "220") in item.conversation.turns}


def test_without_viruses_to_look_for_clamd_does_not_run(tmp_path: Path) -> None:
    """Unless a domain wants it."""
    clamd = next(item for item in module.daemons if item.name == "clamd")
    assert clamd.runs_when is not None
    with bench(tmp_path, ALL) as made:
        in_use(made)
        made.set("filter.options", virus=False)
        assert not clamd.runs_when(made.context())
        made.add("mail_smtp.domains", name="example.org")
        made.add("filter.domains", domain="example.org", virus=True)
        assert clamd.runs_when(made.context())


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("policies", {"attachment": "tag"}), ("policies", {"attachment": "pass"}),
        ("options", {"signatures": "/srv/own"}), ("options", {"virus": False}),
        ("attachments", {"extensions": []}),
    ],
)  # fmt: skip
def test_clamd_knows_names_only_where_they_hide_nothing(
    tmp_path: Path, form: str, values: dict[str, Any]
) -> None:
    """Where mail with them is kept away, and in its own folder; else there is no such file."""
    with bench(tmp_path, ALL) as made:
        in_use(made)
        assert NAMES in made.render("filter", made.context(SYSTEM))
        made.set(f"filter.{form}", **values)
        assert NAMES not in made.render("filter", made.context(SYSTEM))


def test_names_are_read_anew_without_a_restart_of_clamd() -> None:
    """Which may take it a minute; what else it reads restarts it."""
    clamd = next(item for item in module.daemons if item.name == "clamd")
    assert clamd.restart_when is not None
    assert clamd.restart_when({NAMES: (b"", b"x")}) == ""
    conf = "/etc/mailstead/filter/clamd.conf"
    assert conf in clamd.restart_when({NAMES: (b"", b"x"), conf: (b"", b"x")})


def test_what_rules_send_comes_by_the_name_that_the_filter_looks_for() -> None:
    """Neither module needs the other, so each has the name written down."""
    assert judgement.RULES == MILTER_NAME


def test_no_value_is_taken_for_a_variable_of_ucl() -> None:
    """A dollar in an address is a dollar."""
    assert quoted(["a$CURDIR@example.org"]) == '["a\\u0024CURDIR@example.org"]'
