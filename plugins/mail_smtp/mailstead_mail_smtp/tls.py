"""The certificate Postfix and Dovecot show: the admin's own, or one made here.

`smtpd_tls_chain_files` in postconf(5): the key comes first. The made one lasts ten years and
is signed by itself: it protects against listeners, not against an impostor.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailstead.plugin import Check, Context, Problem
from mailstead_mail_smtp.settings import Tls
from mailstead_network.names import fqdn

MADE = "/etc/mailstead/tls/mail.pem"
YEARS = 10
LONGEST_COMMON_NAME = 64  # X.520


def files(context: Context) -> tuple[str, str]:
    """Give the real paths of certificate and key."""
    tls = context.settings.form(Tls)
    if tls.certificate and tls.key:
        return tls.certificate, tls.key
    made = str(context.path(MADE))
    return made, made


def chain_files(context: Context) -> str:
    """Give the value of smtpd_tls_chain_files: key, then certificate."""
    certificate, key = files(context)
    return certificate if certificate == key else f"{key}, {certificate}"


def problems(context: Context) -> Iterator[Problem]:
    """Give problems with the admin's certificate that the field types cannot see."""
    tls = context.settings.form(Tls)
    if bool(tls.certificate) != bool(tls.key):
        missing = "key" if tls.certificate else "certificate"
        hint = "set both, or neither"
        yield Problem(f"mail_smtp.tls.{missing}", "certificate and key belong together", hint)
    for name, path in (("certificate", tls.certificate), ("key", tls.key)):
        if path and any(char in path for char in " ,$<{}\"'"):
            problem = f"{path} holds a character that Postfix or Dovecot would not take as a path"
            yield Problem(f"mail_smtp.tls.{name}", problem, "rename the file or a folder")


def checks(context: Context) -> tuple[Check, ...]:
    """Give the check of the admin's files: readable, no passphrase, key and certificate match."""
    tls = context.settings.form(Tls)
    if not (tls.certificate and tls.key):
        return ()
    argv = ("openssl", "pkcs12", "-export", "-in", tls.certificate, "-inkey", tls.key,
            "-passin", "pass:", "-passout", "pass:", "-out", "/dev/null")  # fmt: skip
    return (Check("openssl reads certificate and key", argv),)


def make(context: Context) -> bytes:
    """Make a key (ECDSA P-256) and a certificate signed by it, as one PEM file."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return key_pem + _certificate(fqdn(context), key)


def _certificate(name: str, key: object) -> bytes:
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    assert isinstance(key, ec.EllipticCurvePrivateKey)  # noqa: S101 - made above
    common = x509.NameAttribute(NameOID.COMMON_NAME, name[:LONGEST_COMMON_NAME])
    subject = x509.Name([common])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
