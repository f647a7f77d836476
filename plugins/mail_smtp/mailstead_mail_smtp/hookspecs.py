"""What other modules may add to Postfix. Public: contributors import the classes from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from mailstead.plugin import Context, hookspec


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


class Hooks:
    """Hooks of mail_smtp, called for each plan; pure functions of the context."""

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
        """Give restrictions that are asked last in ``smtpd_recipient_restrictions``.

        One each, such as ``check_policy_service unix:private/policy``. They apply to all ports.
        """
        raise NotImplementedError
