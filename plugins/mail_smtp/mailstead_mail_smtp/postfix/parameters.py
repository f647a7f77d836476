"""The main.cf parameters that mail_smtp itself gives: postconf(5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailstead.plugin import Context
from mailstead_mail_smtp import places, tls
from mailstead_mail_smtp.addresses.lookups import LISTED, ROUTES
from mailstead_mail_smtp.hooks import collect_restrictions
from mailstead_mail_smtp.hookspecs import Parameter
from mailstead_mail_smtp.places import lookup
from mailstead_mail_smtp.postfix.copies import copy_parameters, has_catch_all
from mailstead_mail_smtp.postfix.filters import filter_parameters
from mailstead_mail_smtp.postfix.identity import LIKE_POSTMASTER, identity, own_names
from mailstead_mail_smtp.postfix.limits import limits
from mailstead_mail_smtp.postfix.relay import mynetworks
from mailstead_mail_smtp.postfix.smarthost import smarthost_parameters
from mailstead_mail_smtp.settings import Options, Smarthost
from mailstead_network.addresses import has_ipv6

IMPOSTOR = "501 5.7.1 that is my own name"
NOT_YET = "vmail-does-not-exist-yet"  # a preview before the system user was made


def own_parameters(context: Context) -> tuple[Parameter, ...]:
    """Give all of them, in the order they are written."""
    return (
        *_places(context),
        *identity(context),
        *_listening(context),
        *_trust(context),
        *_protocol(),
        *_tls(context),
        *_delivery(context),
        *limits(context),
        *copy_parameters(context),
        *filter_parameters(context),
        *smarthost_parameters(context),
        *_outbound(context),
    )


def _places(context: Context) -> Iterator[Parameter]:
    yield Parameter("compatibility_level", "3.6")
    yield Parameter("queue_directory", str(context.path(places.QUEUE)))
    yield Parameter("data_directory", str(context.path(places.DATA)))
    yield Parameter("maillog_file", str(context.path(places.LOG)))
    yield Parameter("maillog_file_prefixes", str(context.path(places.LOG).parent))
    yield Parameter("enable_long_queue_ids", "yes", "an id is never used twice")


def _listening(context: Context) -> Iterator[Parameter]:
    instance = context.instance
    loopback_only = bool(instance.addresses) and all(map(_is_loopback, instance.addresses))
    comment = "master.cf says where each service listens"
    yield Parameter("inet_interfaces", "loopback-only" if loopback_only else "all", comment)
    yield Parameter("proxy_interfaces", ", ".join(instance.addresses))
    yield Parameter("inet_protocols", "all" if _wants_ipv6(context) else "ipv4")


def _trust(context: Context) -> Iterator[Parameter]:
    comment = "loopback is the outside of a sandbox" if context.instance.is_sandbox else ""
    yield Parameter("mynetworks", mynetworks(context), comment)
    yield Parameter("relay_domains", "")
    yield Parameter("smtpd_relay_restrictions", "permit_mynetworks, reject_unauth_destination")
    unknown = () if context.instance.is_sandbox else ("reject_unknown_sender_domain",)
    # As smtpd_reject_unlisted_sender does for every sender, strangers too, in every alias map.
    recipient = (
        "reject_non_fqdn_sender", "reject_non_fqdn_recipient", "reject_unlisted_recipient",
        f"check_sender_access {_inline(own_names(context), LISTED)}",
        f"check_sender_access {lookup('own_domains')}", *unknown,
        *collect_restrictions(context), f"check_recipient_access {lookup('closed')}",
    )  # fmt: skip
    yield Parameter("smtpd_recipient_restrictions", ", ".join(recipient))
    helo = f"permit_mynetworks, check_helo_access {_inline(own_names(context), IMPOSTOR)}"
    yield Parameter("smtpd_helo_restrictions", f"{helo}, reject_invalid_helo_hostname")
    yield Parameter("smtpd_data_restrictions", "reject_unauth_pipelining")
    yield Parameter("smtpd_forbid_unauth_pipelining", "yes")
    yield Parameter("smtpd_sender_login_maps", lookup("senders"))


def _protocol() -> Iterator[Parameter]:
    yield Parameter("smtpd_helo_required", "yes")
    yield Parameter("strict_rfc821_envelopes", "yes")
    yield Parameter("disable_vrfy_command", "yes")
    yield Parameter("allow_percent_hack", "no")
    yield Parameter("swap_bangpath", "no")
    comment = "a message ends in one way only: CVE-2023-51764"
    yield Parameter("smtpd_forbid_bare_newline", "normalize", comment)
    yield Parameter("smtpd_forbid_bare_newline_exclusions", "")
    yield Parameter("smtpd_discard_ehlo_keywords", "chunking, silent-discard")
    yield Parameter("message_strip_characters", r"\0", "a NUL could hide such an end")
    yield Parameter("smtputf8_enable", "no", "Dovecot's LMTP does not have it")


def _tls(context: Context) -> Iterator[Parameter]:
    yield Parameter("smtpd_tls_chain_files", tls.chain_files(context))
    yield Parameter("smtpd_tls_security_level", "may")
    yield Parameter("smtpd_tls_auth_only", "yes")
    yield Parameter("smtpd_tls_loglevel", "1")
    yield Parameter("smtpd_tls_received_header", "yes")
    for name in ("smtpd_tls_protocols", "smtpd_tls_mandatory_protocols"):
        yield Parameter(name, ">=TLSv1.2")


def _delivery(context: Context) -> Iterator[Parameter]:
    aliases = f"texthash:{context.path('/etc/postfix/aliases')}"
    yield Parameter("alias_maps", aliases)
    yield Parameter("alias_database", "")
    yield Parameter("local_recipient_maps", "$alias_maps", "not every system user gets mail")
    yield Parameter("mail_spool_directory", str(context.path(places.LOCAL_MAIL)))
    if context.instance.is_sandbox:
        yield Parameter("forward_path", "", "nothing outside the sandbox is read or run")
    uid, gid = context.facts.get("vmail_ids") or (NOT_YET, NOT_YET)
    yield Parameter("virtual_mailbox_domains", lookup("domains"))
    yield Parameter("virtual_mailbox_maps", lookup("mailboxes"))
    yield Parameter("virtual_alias_maps", ", ".join((*map(lookup, ROUTES), *_own_roles(context))))
    comment = "else each domain is looked up as if it were an alias"
    yield Parameter("virtual_alias_domains", "", comment)
    yield Parameter("virtual_alias_expansion_limit", "100000", "members of a group")
    yield Parameter("virtual_alias_recursion_limit", "10")
    comment = "catch-all: a copy of what a domain sends; the aliases make the others"
    copied = lookup("catch_all") if has_catch_all(context) else ""
    yield Parameter("sender_bcc_maps", copied, comment if copied else "no domain has a catch-all")
    yield Parameter("enable_original_recipient", "no", "one copy to each address, however reached")
    yield Parameter("virtual_mailbox_base", str(context.path(places.MAILDIRS)))
    yield Parameter("virtual_uid_maps", f"static:{uid}")
    yield Parameter("virtual_gid_maps", f"static:{gid}")
    yield Parameter("virtual_transport", "virtual", default=True)
    yield Parameter("virtual_mailbox_limit", "0")
    yield Parameter("mailbox_size_limit", "0")
    yield Parameter("recipient_delimiter", "+")
    yield Parameter("biff", "no")
    yield Parameter("append_dot_mydomain", "no")


def _outbound(context: Context) -> Iterator[Parameter]:
    instance = context.instance
    if not instance.is_sandbox:
        return
    yield Parameter("smtpd_peername_lookup", "no")
    yield Parameter("smtp_dns_support_level", "disabled")
    if context.settings.form(Smarthost).host:
        pass
    elif instance.outside:
        yield Parameter("relayhost", instance.outside)
    else:
        yield Parameter("default_transport", "error:5.1.2 this sandbox has no outside")
    for name, version in (("smtp_bind_address", "."), ("smtp_bind_address6", ":")):
        own = [item for item in instance.addresses if version in item]
        if own:
            yield Parameter(name, own[0])


def _own_roles(context: Context) -> Iterator[str]:
    """Give a map of this server's own postmaster and the like to whoever the admin names.

    By way of local(8) and aliases(5), where all of this stands as well, there would be a message
    anew, and a second copy for a catch-all.
    """
    options = context.settings.form(Options)
    if options.postmaster:
        names = (*own_names(context), "localhost")
        roles = ("postmaster", *LIKE_POSTMASTER)
        yield _inline((f"{role}@{name}" for name in names for role in roles), options.postmaster)


def _inline(keys: Iterable[str], value: str) -> str:
    return f"inline:{{{' '.join(f'{{{key} = {value}}}' for key in keys)}}}"


def _wants_ipv6(context: Context) -> bool:
    instance = context.instance
    if instance.is_sandbox and instance.addresses:
        return any(":" in item for item in (*instance.addresses, instance.outside.split("]")[0]))
    return has_ipv6(context)


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"
