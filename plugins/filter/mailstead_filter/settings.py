"""What an admin can set about the filter."""

from __future__ import annotations

from typing import Annotated, Literal

from mailstead.plugin import field, form, table, types
from mailstead_filter.grammar import EXTENSION, GOOD_SCORE, MIME_TYPE, PATTERN, PLACE, SCORE

Policy = Literal["pass", "tag", "reject", "quarantine", "discard"]
Score = Annotated[str, SCORE]


@form(title="Mail filter")
class Options:
    """What is looked for, and what happens when nobody can look."""

    spam: bool = field(default=True, help="look for spam")
    virus: bool = field(default=True, help="look for viruses, with ClamAV")
    failing: Literal["tempfail", "accept"] = field(
        default="tempfail",
        help="while Rspamd does not answer: tempfail lets senders try again later; accept takes "
        "mail that nobody looked at, and Postfix's log says so",
    )
    offline: bool = field(
        default=False, help="look nothing up in the network: no DNS lists, SPF, DKIM and DMARC"
    )
    redis: bool = field(
        default=True,
        help="let Rspamd remember in a Redis of its own where redis-server is installed; else in "
        "SQLite, which has no greylist",
    )
    workers: Annotated[int, types.integer(1, 64)] = field(
        default=2, help="processes of Rspamd that look at mail"
    )
    signatures: types.FilePath | None = field(
        default=None, help="folder of ClamAV's signatures; unset: the one that freshclam keeps"
    )
    notify: types.MailAddress | None = field(
        default=None, help="told each night what is new in quarantine; unset: nobody"
    )
    quarantine_days: Annotated[int, types.integer(1, 3650)] = field(
        default=30, help="days after which what is in quarantine is removed for ever"
    )


@form(title="Spam")
class Spam:
    """From which score on what is done; each message has one, the higher the worse."""

    tag: Score = field(default="6", help="from here on it is marked: X-Spam: Yes")
    greylist: Score | None = field(
        default=None, help="from here on an unknown sender must try again; needs redis-server"
    )
    reject: Score = field(
        default="15", help="from here on it is spam, and filter.policies.spam is done"
    )
    subject_tag: Annotated[str, types.text(40, r"[ -~]*", "ASCII text")] = field(
        default="", help="put before the subject of what is marked"
    )


@form(title="Learning")
class Learning:
    """What Rspamd learns from: Bayes's theorem over words."""

    bayes: bool = field(default=True, help="use what was learned")
    from_users: bool = field(
        default=True, help="learn from what users move to Junk and out of it, by IMAP"
    )
    automatic: bool = field(default=False, help="learn from messages whose score is plain")
    spam_score: Score = field(default="15", help="from here on it is learned as spam")
    ham_score: Annotated[str, GOOD_SCORE] = field(
        default="-5", help="up to here it is learned as ham"
    )
    least: Annotated[int, types.integer(1, 100000)] = field(
        default=200, help="messages of each kind before what was learned counts"
    )


@form(title="Policies")
class Policies:
    """What is done with what was found."""

    spam: Policy = field(default="reject", help="with what reaches the score filter.spam.reject")
    virus: Policy = field(default="reject", help="with what holds a virus")
    attachment: Policy = field(default="reject", help="with attachments that are not taken")


@form(title="Attachments")
class Attachments:
    """Which attachments are not taken, also inside of archives."""

    extensions: tuple[Annotated[str, EXTENSION], ...] = field(
        default=(
            "bat", "chm", "cmd", "com", "cpl", "exe", "hta", "jar", "js", "jse", "lnk", "msi",
            "pif", "ps1", "reg", "scr", "vbe", "vbs", "wsf",
        ),
        help="of their names, without the dot",
    )  # fmt: skip
    mime_types: tuple[Annotated[str, MIME_TYPE], ...] = field(
        default=(), help="as they are called or as they are, such as video/mp4 or video/*"
    )
    encrypted_archives: bool = field(
        default=False,
        help="true: nor archives with a password, which nobody can look into; ClamAV tells them",
    )


@table(title="Filter by domain", name="domains", key=("domain",))
class DomainOverrides:
    """A mail domain that is judged otherwise; what is unset is as for all."""

    domain: Annotated[str, types.reference("mail_smtp.domains")] = field(help="the domain")
    spam: bool | None = field(default=None, help="look for spam")
    virus: bool | None = field(default=None, help="look for viruses")
    tag: Score | None = field(default=None, help="score")
    greylist: Score | None = field(default=None, help="score")
    reject: Score | None = field(default=None, help="score")


@table(title="Senders", key=("sender",))
class Senders:
    """A sender, by the envelope, whose mail is never spam, or never taken."""

    sender: Annotated[str, PATTERN] = field(help="address, @domain, or with *")
    action: Literal["allow", "deny"] = field(help="allow: never spam; deny: refused")


@table(title="Recipients", key=("recipient",))
class Recipients:
    """A recipient whose mail is not judged, or who gets none."""

    recipient: Annotated[str, PLACE] = field(
        help="address or @domain as it is written to; aliases of its domain included, other "
        "aliases are rows of their own"
    )
    action: Literal["allow", "deny"] = field(help="allow: nothing is spam; deny: refused")


SECTIONS = (
    Options, Spam, Learning, Policies, Attachments, DomainOverrides, Senders, Recipients,
)  # fmt: skip
