"""A smarthost in main.cf: each policy, and nothing where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailstead.instance import Instance
from mailstead_mail_smtp.postfix.smarthost import place_of, problems, smarthost_parameters
from mailstead_mail_smtp.settings import Smarthost
from tests.plugins.contexts import SANDBOX, SYSTEM, bench

PASSWORDS = "/etc/postfix/sasl_passwd"


def given(folder: Path, **values: object) -> dict[str, str]:
    """Give the parameters by name."""
    with bench(folder) as made:
        made.set("mail_smtp.smarthost", **values)
        return {it.name: it.value for it in smarthost_parameters(made.context(SYSTEM))}


@pytest.mark.parametrize(
    ("host", "tls", "nexthop"),
    [
        ("smart.example", "opportunistic", "smart.example:25"),
        ("smart.example", "implicit", "smart.example:465"),
        ("[smart.example]", "required", "[smart.example]:25"),
        ("[smart.example]:587", "required", "[smart.example]:587"),
        ("[2001:db8::1]:587", "none", "[2001:db8::1]:587"),
        ("[2001:db8::1]", "none", "[2001:db8::1]:25"),
        ("192.0.2.1", "none", "192.0.2.1:25"),
    ],
)
def test_the_next_hop_has_a_port(host: str, tls: str, nexthop: str) -> None:
    """The one that goes without saying, or the one that was said."""
    place = place_of(Smarthost(host=host, tls=tls))  # type: ignore[arg-type]
    assert place is not None
    assert place.nexthop == nexthop


@pytest.mark.parametrize("tls", ["required", "implicit"])
def test_verified_tls_asks_for_the_name_that_was_given(tmp_path: Path, tls: str) -> None:
    """Never for one that the DNS gave."""
    found = given(tmp_path, host="smart.example", tls=tls)
    assert found["smtp_tls_security_level"] == "secure"
    assert found["smtp_tls_secure_cert_match"] == "nexthop"
    assert found["smtp_tls_CAfile"] == "/etc/ssl/certs/ca-certificates.crt"
    assert found.get("smtp_tls_wrappermode") == ("yes" if tls == "implicit" else None)


@pytest.mark.parametrize(
    ("is_clear", "value", "comment"),
    [
        (False, "noanonymous, noplaintext", "no password before TLS"),
        (True, "noanonymous", "the password may cross without TLS: clear_password"),
    ],
)
def test_what_the_password_may_do_is_what_the_comment_says(
    tmp_path: Path, is_clear: bool, value: str, comment: str
) -> None:
    """Both ways."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.smarthost", host="smart.example", user="ada", password="x y z",
                 clear_password=is_clear)  # fmt: skip
        found = {it.name: it for it in smarthost_parameters(made.context(SYSTEM))}
    options = found["smtp_sasl_security_options"]
    assert (options.value, options.comment) == (value, comment)


@pytest.mark.parametrize(
    ("host", "instance", "is_refused"),
    [
        ("mail.example.net", SYSTEM, True), ("[Mail.Example.NET]:25", SYSTEM, True),
        ("localhost", SYSTEM, True), ("[::1]", SYSTEM, True), ("192.0.2.2:25", SYSTEM, True),
        ("localhost:2525", SYSTEM, False), ("192.0.2.3", SYSTEM, False),
        ("[127.7.8.9]:20025", SANDBOX, True), ("127.7.8.9:20587", SANDBOX, True),
        ("127.7.8.9:25", SANDBOX, False), ("localhost:20025", SANDBOX, False),
    ],
)  # fmt: skip
def test_this_server_is_no_smarthost_of_its_own(
    tmp_path: Path, host: str, instance: Instance, is_refused: bool
) -> None:
    """By name or number; a program that listens here at another port may be one."""
    with bench(tmp_path) as made:
        made.set("mail_smtp.smarthost", host=host)
        found = [item.where for item in problems(made.context(instance))]
    assert found == (["mail_smtp.smarthost.host"] if is_refused else [])


def test_a_password_waits_for_tls_unless_it_may_cross_without(tmp_path: Path) -> None:
    """Noplaintext holds outside of TLS alone."""
    login = {"host": "smart.example", "user": "us", "password": "p w:#ö$x"}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    found = given(tmp_path / "a", **login)
    assert found["smtp_sasl_security_options"] == "noanonymous, noplaintext"
    assert found["smtp_sasl_tls_security_options"] == "noanonymous"
    found = given(tmp_path / "b", **login, clear_password=True)
    assert found["smtp_sasl_security_options"] == "noanonymous"


def test_the_password_is_in_a_secret_file_of_its_own(tmp_path: Path) -> None:
    """As it is, after the next hop; there is no such file without a login."""
    with bench(tmp_path) as made:
        assert PASSWORDS not in made.render("mail_smtp", made.context(SYSTEM))
        login = {"host": "[smart.example]", "user": "us", "password": "p w:#ö$x"}
        made.set("mail_smtp.smarthost", **login, tls="required")
        files = made.render("mail_smtp", made.context(SYSTEM))
    file = files[PASSWORDS]
    assert (file.mode, file.secret) == (0o600, True)
    assert file.content.decode().splitlines()[-1] == "[smart.example]:25 us:p w:#ö$x"
    assert "p w:" not in files["/etc/postfix/main.cf"].content.decode()
