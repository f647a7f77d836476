"""An admin's own lines in main.cf and master.cf."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstead.errors import PlanError
from mailstead.snippet import Snippet
from mailstead.transaction.additions import Additions
from mailstead_mail_smtp.postfix.snippets import merge_main_cf, merge_master_cf
from tests.plugins.contexts import SYSTEM, bench

FOLDER = "/etc/mailstead/snippets/mail_smtp"
MAIN, MASTER = "/etc/postfix/main.cf", "/etc/postfix/master.cf"
OURS = "# head\n\n# from mail_smtp\n# why\nbiff = no\nlong = a,\n  b,\n# within\n  c\nlast = 1\n"


def main_cf(text: str, ours: str = OURS) -> str:
    """Merge a snippet into main.cf."""
    return merge_main_cf(ours, Snippet(f"{FOLDER}/main.cf", text))


def master_cf(text: str, ours: str) -> str:
    """Merge a snippet into master.cf."""
    return merge_master_cf(ours, Snippet(f"{FOLDER}/master.cf", text))


def rendered(folder: Path, name: str, text: str) -> str:
    """Give one of a system's files with a snippet."""
    path = f"/etc/postfix/{name}"
    additions = Additions(snippets={name: Snippet(f"{FOLDER}/{name}", text)})
    with bench(folder) as made:
        return made.render("mail_smtp", made.context(SYSTEM), additions)[path].content.decode()


def test_a_new_parameter_is_appended_and_ours_stay() -> None:
    """Below the comment that names the snippet."""
    assert main_cf("max_idle = 10s\n") == f"{OURS}\n# from {FOLDER}/main.cf\nmax_idle = 10s\n"


def test_our_line_of_the_same_parameter_is_left_out_and_said_to_be() -> None:
    """A parameter stands once: postconf warns of a second, and the check refuses warnings."""
    text = main_cf("# I want it\nbiff=yes\n")
    assert "\n# why\n# biff: see the end of this file\nlong = a,\n" in text
    assert "biff = no" not in text
    assert text.endswith(f"\n# from {FOLDER}/main.cf\n# I want it\nbiff=yes\n")


def test_all_lines_of_ours_go() -> None:
    """A value may go on in several; a comment between them stays."""
    text = main_cf("long = x,\n\ty\n")
    assert "# long: see the end of this file\n# within\nlast = 1\n" in text


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("biff\n", 1, "is not NAME = VALUE"),
        ("# x\n\nbiff yes = no\n", 3, "is not NAME = VALUE"),
        ("= no\n", 1, "is not NAME = VALUE"),
        ("  biff = no\n", 1, "begins with white space"),
        ("# x\n\tbiff = no\n", 2, "begins with white space"),
        ("a = 1\nb = 2\na = 3\n", 3, "sets a as line 1 does"),
    ],
)
def test_a_line_that_is_no_parameter_is_refused_by_number(text: str, line: int, words: str) -> None:
    """It would become a part of what stands before it, or nothing."""
    with pytest.raises(PlanError, match=words) as caught:
        main_cf(text)
    assert caught.value.where == f"{FOLDER}/main.cf:{line}"


@pytest.mark.parametrize(
    "name", ["smtp-amavis_destination_recipient_limit", "2nd_transport_retry", "x_y", "a.b:c/d_e"]
)
def test_names_made_of_services_names_are_parameters(name: str) -> None:
    """postconf(5): transport_destination_concurrency_limit and its kin."""
    assert main_cf(f"{name} = 1\n").endswith(f"\n{name} = 1\n")


@given(
    st.dictionaries(st.sampled_from(["biff", "long", "last", "new", "other"]), st.integers(0, 9))
)
def test_every_parameter_stands_once_and_the_admins_value_holds(given: dict[str, int]) -> None:
    """Whatever is given."""
    text = main_cf("".join(f"{name} = {value}\n" for name, value in given.items()))
    names = [line.split(" =")[0] for line in text.splitlines() if " =" in line and line[0] != "#"]
    assert sorted(names) == sorted({"biff", "long", "last", *given})
    for name, value in given.items():
        assert f"\n{name} = {value}\n" in text


def test_the_rendered_main_cf_takes_a_snippet(tmp_path: Path) -> None:
    """The whole file is ours but for that."""
    plain = rendered(tmp_path, "main.cf", "max_idle = 10s\n")
    assert plain.endswith(f"\n\n# from {FOLDER}/main.cf\nmax_idle = 10s\n")
    text = rendered(tmp_path, "main.cf", "smtpd_banner = $myhostname hello\n")
    assert text.count("\nsmtpd_banner =") == 1


def test_a_further_service_is_appended(tmp_path: Path) -> None:
    """With its options."""
    service = "2525 inet n - n - - smtpd\n  -o syslog_name=postfix/extra\n"
    text = rendered(tmp_path, "master.cf", service)
    assert text.endswith(f"\n# from {FOLDER}/master.cf\n{service}")
    assert "\n25 inet n - n - - smtpd\n" in text


@pytest.mark.parametrize("name", ["submission", "587"])
def test_a_service_replaces_ours_with_all_its_options(tmp_path: Path, name: str) -> None:
    """Under its number and its name."""
    text = rendered(tmp_path, "master.cf", f"{name} inet n - n - 5 smtpd\n  -o a=b\n")
    assert "# 587 inet n - n - - smtpd: see the end of this file\n465 inet" in text
    assert "postfix/submission " not in text
    assert "postfix/submissions " in text


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("127.0.0.1:25", "127.0.0.1:smtp"), ("[::1]:465", "::1:smtps"), ("[::1]:465", "[::1]:465"),
        ("25", "smtp"),
    ],
)  # fmt: skip
def test_one_socket_has_one_service(ours: str, theirs: str) -> None:
    """However it is written."""
    text = master_cf(f"{theirs} inet n - n - - mine\n", f"{ours} inet n - n - - ours\n")
    assert "\n# from" in text
    assert text.startswith(f"# {ours} inet n - n - - ours: see the end of this file\n")


def test_other_sockets_and_types_are_others() -> None:
    """Nothing of ours is lost."""
    ours = "127.0.0.1:25 inet n - n - - smtpd\nsmtp unix - - n - - smtp\n"
    assert master_cf("smtp inet n - n - - smtpd\n", ours).startswith(ours)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("smtp inet n - n - -\n", 1, "has 7 columns, not 8 or more"),
        ("# x\nsmtp\n", 2, "has 1 columns"),
        ("smtp tcp n - n - - smtpd\n", 1, "'tcp' is not a type of service"),
        ("smtp inet q - n - - smtpd\n", 1, "'q' cannot be private"),
        ("smtp inet n y Y - - smtpd\n", 1, "'Y' cannot be chroot"),
        ("smtp inet n - n ? - smtpd\n", 1, "'?' cannot be wakeup"),
        ("smtp inet n - n 60? -1 smtpd\n", 1, "'-1' cannot be maxproc"),
        ("smtp inet n - n - - /bin/sh\n", 1, "'/bin/sh' cannot be command"),
        ("  -o a=b\n", 1, "begins with white space"),
        ("smtp inet n - n - - a\n25 inet n - n - - b\n", 2, "sets 25 inet as line 1 does"),
    ],
)
def test_a_line_that_is_no_service_is_refused_by_number(text: str, line: int, words: str) -> None:
    """master(5) has eight columns."""
    with pytest.raises(PlanError) as caught:
        master_cf(text, "")
    assert caught.value.problem.startswith(words)
    assert caught.value.where == f"{FOLDER}/master.cf:{line}"
