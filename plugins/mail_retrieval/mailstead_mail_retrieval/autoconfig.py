"""Client settings as Thunderbird reads them: the XML of its autoconfiguration, version 1.1.

https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from mailstead_mail_retrieval.clients import IMPLICIT, ClientService

INCOMING = ("imap", "pop3")


def autoconfig_xml(address: str, services: Sequence[ClientService]) -> str:
    """Give the document for one account."""
    domain = address.rpartition("@")[2]
    root = ET.Element("clientConfig", version="1.1")
    provider = ET.SubElement(root, "emailProvider", id=domain)
    for tag, text in (("domain", domain), ("displayName", domain), ("displayShortName", domain)):
        ET.SubElement(provider, tag).text = text
    for service in services:
        if service.protocol in {*INCOMING, "smtp"}:
            _server(provider, service)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _server(provider: ET.Element, service: ClientService) -> None:
    tag = "incomingServer" if service.protocol in INCOMING else "outgoingServer"
    server = ET.SubElement(provider, tag, type=service.protocol)
    values = {
        "hostname": service.server,
        "port": str(service.port),
        "socketType": "SSL" if service.security == IMPLICIT else "STARTTLS",
        "username": service.user,
        "authentication": "password-cleartext",  # Thunderbird's word for PLAIN inside TLS
    }
    for name, text in values.items():
        ET.SubElement(server, name).text = text
