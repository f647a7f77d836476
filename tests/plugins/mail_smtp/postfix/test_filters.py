"""Mail filters in main.cf and master.cf: custom ones, and those of other modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from mailstead.context import Context
from mailstead_mail_smtp.hookspecs import MailFilter, Parameter
from mailstead_mail_smtp.postfix.filters import (
    filter_listens,
    filter_parameters,
    filter_services,
    problems,
)
from tests.plugins.contexts import SANDBOX, SYSTEM, bench

MILTER = MailFilter("ours", "a milter", parameters=(Parameter("smtpd_milters", "inet:[::1]:1"),))


def with_filters(context: Context, *filters: MailFilter) -> Context:
    """Let a module register filters."""

    def collect(hook: str, **_arguments: Any) -> tuple[tuple[str, Any], ...]:
        return (("other", filters),) if hook == "mail_filters" else ()

    return attrs.evolve(context, collect=collect)


def test_without_a_filter_there_is_not_a_line_of_one(tmp_path: Path) -> None:
    """Also when modules offer some."""
    with bench(tmp_path) as made:
        context = with_filters(made.context(), MILTER)
        assert list(filter_parameters(context)) == []
        assert list(filter_services(context)) == []
        assert list(problems(context)) == []


def test_a_registered_filter_gives_what_it_needs_while_it_is_chosen(tmp_path: Path) -> None:
    """A milter takes no mail out of the queue."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.filter", use="ours")
        context = with_filters(made.context(), MILTER)
        assert [it.name for it in filter_parameters(context)] == ["smtpd_milters"]
        assert list(problems(context)) == []
        assert list(filter_services(context)) == []
        (problem,) = problems(made.context())
    assert (problem.where, problem.problem) == (
        "mail_smtp.filter.use", "there is no mail filter ours"
    )  # fmt: skip


def test_a_module_cannot_take_the_names_that_are_ours(tmp_path: Path) -> None:
    """None and custom."""
    with bench(tmp_path) as made:
        context = with_filters(made.context(), MailFilter("custom", "not yours"))
        assert [it.where for it in problems(context)] == ["mail_smtp.filter.use"]


def test_a_custom_filter_gives_mail_back_to_a_port_for_it_alone(tmp_path: Path) -> None:
    """Near ones by loopback; addresses are worked out after it."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.filter", use="custom", address="127.0.0.1", port=10024)
        context = made.context(SYSTEM)
        names = {it.name: it.value for it in filter_parameters(context)}
        assert names["content_filter"] == "mailfilter:[127.0.0.1]:10024"
        assert names["receive_override_options"] == "no_address_mappings"
        there, back = filter_services(context)
        assert (there.command, there.type) == ("smtp", "unix")
        assert back.name == "127.0.0.1:10025"
        assert back.options["mynetworks"] == "127.0.0.1/32"
        assert back.options["content_filter"] == ""
        assert "no_address_mappings" not in back.options["receive_override_options"]


def test_the_port_for_copies_is_taken(tmp_path: Path) -> None:
    """Postfix could not open it twice."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.filter", use="custom", return_port=10027)
        (problem,) = problems(made.context(SYSTEM))
    assert problem.where == "mail_smtp.filter.return_port"


def test_a_filter_elsewhere_is_let_in_by_its_address(tmp_path: Path) -> None:
    """IPv6 as well; a sandbox listens where it is."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.filter", use="custom", address="2001:db8::9")
        (socket,) = filter_listens(made.context(SYSTEM))
        assert (socket.address, socket.port) == ("", 10025)
        *_, back = filter_services(made.context(SYSTEM))
        assert back.options["mynetworks"] == "[2001:db8::9]/128"
        assert [it.address for it in filter_listens(made.context(SANDBOX))] == ["127.7.8.9"]
