"""Ports on which Postfix takes mail that it, or a program beside it, has had before: FILTER_README.

They are for known hosts alone, and nothing that was decided before is decided anew. Public: other
modules build such ports of these parts.
"""

from __future__ import annotations

from mailstead.plugin import Context, Listen

LOOPBACK = "127.0.0.1"
ONLY_THEM = "permit_mynetworks, reject"
# smtp(8) that hands a message on as it is, with what the log needs to know of its client.
SEND = {
    "smtp_send_xforward_command": "yes",
    "disable_mime_output_conversion": "yes",
    "smtp_generic_maps": "",
    "smtp_tls_security_level": "none",
    "smtp_tls_wrappermode": "no",
    "smtp_sasl_auth_enable": "no",
}


def near(context: Context) -> str:
    """Give the address by which this machine finds itself: loopback, or a sandbox's first."""
    own = context.instance.addresses if context.instance.is_sandbox else ()
    return next(iter(own), LOOPBACK)


def bracketed(address: str) -> str:
    """Give an address as master(5) and transport(5) have it: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def place(socket: Listen) -> str:
    """Give a socket as master(5) names its service."""
    address = bracketed(socket.address)
    return f"{address}:{socket.port}" if address else str(socket.port)


def network(address: str) -> str:
    """Give one host as `mynetworks` has it."""
    return f"{bracketed(address)}/{128 if ':' in address else 32}"


def take_from(hosts: str, name: str) -> dict[str, str]:
    """Give the options of an smtpd(8) that takes mail from these hosts alone."""
    return {
        "syslog_name": f"postfix/{name}",
        "mynetworks": hosts,
        "smtpd_client_restrictions": ONLY_THEM,
        "smtpd_relay_restrictions": ONLY_THEM,
        "smtpd_helo_restrictions": "",
        "smtpd_sender_restrictions": "",
        "smtpd_tls_security_level": "none",
        "smtpd_sasl_auth_enable": "no",
        "smtpd_client_connection_count_limit": "0",
        "message_size_limit": "0",  # it was obeyed before; a filter adds headers
    }


def filtered_before(hosts: str) -> dict[str, str]:
    """Give the options of one whose mail has passed the filter, and comes from where they say."""
    return {
        "smtpd_authorized_xforward_hosts": hosts,
        "content_filter": "",
        "receive_override_options": (
            "no_header_body_checks, no_unknown_recipient_checks, no_milters"
        ),
        "smtpd_milters": "",
        "smtpd_error_sleep_time": "0",
        "smtpd_soft_error_limit": "1001",
        "smtpd_hard_error_limit": "1000",
    }
