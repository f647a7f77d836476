"""ManageSieve, by which programs edit rules: RFC 5804. The switch is mail_retrieval's."""

from __future__ import annotations

from mailstead.plugin import Context, Say
from mailstead_mail_retrieval.clients import STARTTLS, ClientService, server_name
from mailstead_mail_retrieval.hookspecs import Listener
from mailstead_mail_retrieval.settings import Services
from mailstead_network.addresses import listen_addresses

SERVICE, STANDARD = "sieve", 4190
# What the server can do comes as a greeting, and again inside TLS.
TURNS = (Say(None, "OK"), Say("STARTTLS", "OK"), Say(None, "OK"), Say("LOGOUT", "OK"))


def is_on(context: Context) -> bool:
    """Tell whether programs can edit rules; rules run whether they can or not."""
    return context.settings.form(Services).managesieve


def dovecot_listeners(context: Context) -> tuple[Listener, ...]:
    """Give the socket, while it is switched on."""
    if not is_on(context):
        return ()
    port = context.instance.port(SERVICE, STANDARD)
    return (Listener(SERVICE, port, listen_addresses(context, SERVICE), TURNS),)


def client_services(context: Context) -> tuple[ClientService, ...]:
    """Give what to enter in a program, while it is switched on."""
    return tuple(
        ClientService("managesieve", server_name(context, item.service), item.port, STARTTLS)
        for item in dovecot_listeners(context)
    )
