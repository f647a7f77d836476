"""What other modules may add to Postfix. Public: contributors import the classes from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from mailstead.plugin import Context, Machine, hookspec


@attrs.frozen
class Parameter:
    """A main.cf parameter: postconf(5).

    Attributes:
        name: the parameter's name.
        value: its value, one line.
        comment: why, written above it.
        default: holds unless another module gives the parameter without ``default``.
    """

    name: str
    value: str
    comment: str = ""
    default: bool = False


@attrs.frozen
class Service:
    """A master.cf entry: master(5). ``options`` become ``-o { name = value }``."""

    name: str
    type: str
    command: str
    private: str = "-"
    unpriv: str = "-"
    chroot: str = "n"
    wakeup: str = "-"
    maxproc: str = "-"
    options: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class MailFilter:
    """What mail can pass through when the option `mail_smtp.filter` names it.

    Attributes:
        name: what the option says; ``none`` and ``custom`` are taken.
        title: for people.
        address, port: of a content filter, which gets mail by SMTP; port 0: there is none.
        return_port: where Postfix takes mail back, from that address only.
        parameters, services: given while it is in use; a milter needs nothing else.
    """

    name: str
    title: str
    address: str = ""
    port: int = 0
    return_port: int = 0
    parameters: Sequence[Parameter] = ()
    services: Sequence[Service] = ()


@attrs.frozen
class TraceQuestion:
    """A message that is asked about; nothing of it is ever sent.

    Attributes:
        sender: envelope sender; empty for a notification.
        recipient: envelope recipient.
        client: IP address it would come from.
        login: who would be logged in; empty for nobody.
        port: standard port it would come to: 25, 587 or 465.
        size: in bytes.
        mailboxes: addresses of ours it would be delivered to, once that is known.
    """

    sender: str
    recipient: str
    client: str
    login: str = ""
    port: int = 25
    size: int = 0
    mailboxes: Sequence[str] = ()


@attrs.frozen
class TraceStep:
    """One thing that would happen to a message.

    Attributes:
        about: what it is about, in a word or two: ``quota``.
        says: what would happen.
        behind: the setting, map or file that decides.
        reply: of what refuses the message: code, enhanced code and text.
    """

    about: str
    says: str
    behind: str = ""
    reply: str = ""


class Hooks:
    """Hooks of mail_smtp. Those without a machine are called for each plan and are pure."""

    @hookspec
    def postfix_parameters(self, context: Context) -> Sequence[Parameter]:
        """Give main.cf parameters. Called while rendering.

        Whoever gives ``smtpd_sasl_type`` provides authentication: only then are submission
        and submissions offered.
        """
        raise NotImplementedError

    @hookspec
    def postfix_services(self, context: Context) -> Sequence[Service]:
        """Give master.cf entries. Called while rendering."""
        raise NotImplementedError

    @hookspec
    def mail_filters(self, context: Context) -> Sequence[MailFilter]:
        """Give filters that an admin can choose. Called while rendering."""
        raise NotImplementedError

    @hookspec
    def recipient_restrictions(self, context: Context) -> Sequence[str]:
        """Give restrictions that are asked late in ``smtpd_recipient_restrictions``.

        One each, such as ``check_policy_service unix:private/policy``. They apply to all ports.
        """
        raise NotImplementedError

    @hookspec
    def mailbox_restrictions(self, context: Context) -> Sequence[str]:
        """Give restrictions about the mailbox of a recipient, which are asked after all others.

        ``OK`` says that it takes mail: it is not asked whether it was closed, nor what comes
        after; `mailstead_mail_smtp.addresses.room` knows of which mailboxes that is true.
        """
        raise NotImplementedError

    @hookspec
    def trace_steps(
        self, context: Context, machine: Machine, question: TraceQuestion
    ) -> Sequence[TraceStep]:
        """Tell what this module does to a message that Postfix would accept.

        Called by ``mailstead trace``, with ``mailboxes`` known; nothing may be changed or sent.
        A step with a ``reply`` refuses it, as a milter does.
        """
        raise NotImplementedError

    @hookspec
    def trace_restriction(
        self, context: Context, machine: Machine, question: TraceQuestion, restriction: str
    ) -> Sequence[TraceStep]:
        """Tell what a restriction that this module gave would say; nothing for another's.

        A step with a ``reply`` refuses. Called by ``mailstead trace``; nothing may be changed.
        """
        raise NotImplementedError
