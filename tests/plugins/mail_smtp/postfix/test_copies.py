"""The way of copies in main.cf and master.cf."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.instance import Instance
from mailstead_mail_smtp.postfix.copies import copy_listens, copy_parameters, copy_services
from tests.plugins.contexts import SANDBOX, SYSTEM, bench

IPV6 = Instance(prefix=SANDBOX.prefix, kind="sandbox", addresses=("::1", "127.7.8.9"))


@pytest.mark.parametrize(
    ("instance", "place", "hosts"),
    [
        (SYSTEM, "127.0.0.1:10027", "127.0.0.1/32"),
        (SANDBOX, "127.7.8.9:30027", "127.7.8.9/32"),
        (IPV6, "[::1]:10027", "[::1]/128"),
    ],
)
def test_copies_leave_and_arrive_by_one_address_of_the_machine_itself(
    tmp_path: Path, instance: Instance, place: str, hosts: str
) -> None:
    """Whatever else smtp(8) is bound to, or goes through."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.smarthost", host="relay.example", tls="implicit")
        context = made.context(instance)
        there, port, _ = copy_services(context)
        (socket,) = copy_listens(context)
        route = next(copy_parameters(context)).value
    assert port.name == place
    assert port.options["mynetworks"] == hosts
    bound = {value for name, value in there.options.items() if "bind" in name}
    assert bound == {socket.address}
    assert there.options["smtp_tls_wrappermode"] == "no"
    assert route == f"inline:{{.catch-all.invalid=copies:[{socket.address}]:{socket.port}}}"


def test_what_arrives_is_filtered_no_more_and_makes_no_copies(tmp_path: Path) -> None:
    """And no DSN is offered, for that is what the port is there for."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.filter", use="custom")
        _, port, cleanup = copy_services(made.context())
    assert "dsn" in port.options["smtpd_discard_ehlo_keywords"].split(", ")
    assert port.options["content_filter"] == port.options["smtpd_milters"] == ""
    assert "no_milters" in port.options["receive_override_options"]
    assert "no_address_mappings" not in port.options["receive_override_options"]
    assert port.options["cleanup_service_name"] == cleanup.name
    assert cleanup.options["sender_bcc_maps"] == cleanup.options["recipient_bcc_maps"] == ""
    maps = cleanup.options["virtual_alias_maps"].split(", ")
    assert all("/copies.cf" in name or "/uncopied_" in name for name in maps)


def test_postfix_asks_for_catch_alls_with_each_message_only_where_there_is_one(
    tmp_path: Path,
) -> None:
    """For who sends, and for who receives; what waits on its way still arrives without one."""
    main, accounts = "/etc/postfix/main.cf", "/etc/postfix/sqlite/accounts.cf"
    with bench(tmp_path) as made:
        made.add("mail_smtp.domains", name="example.org")
        without = made.render("mail_smtp", made.context())
        made.add("mail_smtp.domains", name="example.com", catch_all="ada@example.org")
        files = made.render("mail_smtp", made.context())
    assert b"sender_bcc_maps =\n" in without[main].content
    assert b"/catch_all.cf\n" in files[main].content
    assert [b"catch-all" in it[accounts].content for it in (without, files)] == [False, True]
    assert b"transport_maps = inline:{.catch-all" in without[main].content
