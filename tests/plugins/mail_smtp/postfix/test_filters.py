"""Mail filters in main.cf and master.cf: custom ones, and those of other modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from mailstead.context import Context
from mailstead.instance import Instance
from mailstead_mail_smtp.hookspecs import MailFilter, Parameter
from mailstead_mail_smtp.postfix.filters import (
    filter_listens,
    filter_parameters,
    filter_services,
    notes,
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


@pytest.mark.parametrize("port", [25, 465, 587, 10027])
def test_a_port_of_this_server_takes_no_mail_back(tmp_path: Path, port: int) -> None:
    """Postfix could not open it twice; 10027 is that of copies."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.filter", use="custom", return_port=port)
        (problem,) = problems(made.context(SYSTEM))
    assert problem.where == "mail_smtp.filter.return_port"
    assert str(port) in problem.problem


@pytest.mark.parametrize(
    ("address", "port", "instance", "is_own"),
    [("127.0.0.1", 25, SYSTEM, True), ("192.0.2.2", 587, SYSTEM, True),
     ("2001:db8::2", 25, SYSTEM, True), ("127.0.0.5", 25, SYSTEM, True),
     ("::1", 25, SYSTEM, True), ("::", 25, SYSTEM, True),
     ("127.0.0.1", 10027, SYSTEM, True), ("127.0.0.1", 26, SYSTEM, False),
     ("192.0.2.9", 25, SYSTEM, False), ("127.7.8.9", 20025, SANDBOX, True),
     ("127.7.8.9", 25, SANDBOX, False), ("127.0.0.1", 20025, SANDBOX, False)],
)  # fmt: skip
def test_this_server_is_no_filter_of_its_own(
    tmp_path: Path, address: str, port: int, instance: Instance, is_own: bool
) -> None:
    """Each message would come back to its beginning."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.filter", use="custom", address=address, port=port)
        found = [it.where for it in problems(made.context(instance))]
    assert found == ["mail_smtp.filter.port"] * is_own


def test_a_filter_elsewhere_is_let_in_by_its_address(tmp_path: Path) -> None:
    """IPv6 as well; a sandbox listens where it is."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.filter", use="custom", address="2001:db8::9")
        (socket,) = filter_listens(made.context(SYSTEM))
        assert (socket.address, socket.port) == ("", 10025)
        *_, back = filter_services(made.context(SYSTEM))
        assert back.options["mynetworks"] == "[2001:db8::9]/128"
        assert [it.address for it in filter_listens(made.context(SANDBOX))] == ["127.7.8.9"]


@pytest.mark.parametrize(
    ("left", "chosen", "is_told"),
    [
        ({"use": "custom"}, {"use": "none"}, True),
        ({"use": "custom"}, {"use": "ours"}, True),
        ({"use": "custom"}, {"use": "custom", "port": 10099}, True),
        ({"use": "custom"}, {"use": "custom", "return_port": 10099}, False),
        ({"use": "custom"}, {"use": "custom"}, False),
        ({"use": "none"}, {"use": "custom"}, False),
        ({"use": "ours"}, {"use": "none"}, False),
    ],
)
def test_a_filter_that_is_left_may_leave_mail_waiting(
    tmp_path: Path, left: dict[str, Any], chosen: dict[str, Any], is_told: bool
) -> None:
    """Of a milter none waits: it is asked while the sender is connected."""
    (tmp_path / "target").mkdir()
    with bench(tmp_path) as before, bench(tmp_path / "target") as after:
        before.set("mail_smtp.filter", **left)
        after.set("mail_smtp.filter", **chosen)
        running, target = (with_filters(made.context(), MILTER) for made in (before, after))
        told = list(notes(running, target))
    assert [("127.0.0.1:10024" in note, "queue requeue" in note) for note in told] == [
        (True, True)
    ] * is_told
