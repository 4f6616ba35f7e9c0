"""A small certificate authority for the broker: its own certificate, one per device, one for the platform.

The common name of a device's certificate is its user name at the broker, ``{kind}-{id}``. Keys are P-256. A device
that makes its own key sends a signing request; whatever name stands in that, the certificate gets the name given here.
"""

import ipaddress
import os
import re
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3_650
SERVER_DAYS = 825
CLIENT_DAYS = 1_825
"""Five years: longer than a battery, shorter than a lock."""

_BACKDATE = timedelta(hours=1)
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


class Authority:
    """Signs certificates; its key stays in ``directory`` (``ca.key``, 0600), beside ``ca.crt``."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate = certificate

    @classmethod
    def load_or_create(cls, directory: Path, now: datetime) -> "Authority":
        """The authority of a directory, made where there is none."""
        key_file, certificate_file = directory / "ca.key", directory / "ca.crt"
        if key_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise ValueError(f"Expected a P-256 key in {key_file}, got {type(key).__name__}.")
            return cls(key, x509.load_pem_x509_certificate(certificate_file.read_bytes()))
        directory.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Omsorgstid broker CA")
        certificate = (
            _draft(name, name, key.public_key(), now, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_private(key_file, _pem_of(key))
        certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(key, certificate)

    def server(self, directory: Path, hosts: list[str], now: datetime) -> None:
        """``server.key`` and ``server.crt`` for the names and addresses devices know the broker by."""
        alternatives = x509.SubjectAlternativeName([_host(host) for host in hosts])
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._leaf(hosts[0], key.public_key(), now, SERVER_DAYS, ExtendedKeyUsageOID.SERVER_AUTH)
        signed = certificate.add_extension(alternatives, critical=False).sign(self._key, hashes.SHA256())
        _keep(directory, "server", key, signed)

    def client(self, directory: Path, name: str, now: datetime) -> None:
        """``{name}.key`` and ``{name}.crt`` for a device or the platform."""
        _require_name(name)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._leaf(name, key.public_key(), now, CLIENT_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH)
        _keep(directory, name, key, certificate.sign(self._key, hashes.SHA256()))

    def client_for(self, request: bytes, name: str, now: datetime) -> bytes:
        """A client certificate, PEM, for a device that has made its own key and proves that it has it.

        Raises
        ------
        ValueError
            If the request is not one, or is not signed by the key it brings.
        """
        _require_name(name)
        asked = x509.load_pem_x509_csr(request)
        key = asked.public_key()
        if not asked.is_signature_valid or not isinstance(key, ec.EllipticCurvePublicKey):
            raise ValueError("Expected a request signed by its own elliptic-curve key.")
        certificate = self._leaf(name, key, now, CLIENT_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH)
        return certificate.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _leaf(
        self, name: str, key: ec.EllipticCurvePublicKey, now: datetime, days: int, purpose: x509.ObjectIdentifier
    ) -> x509.CertificateBuilder:
        return (
            _draft(_name(name), self.certificate.subject, key, now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        )


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _require_name(name: str) -> None:
    if not _NAME.match(name):
        raise ValueError(f"Expected a name of 1 to 64 characters of A-Z a-z 0-9 _ -, got {name!r}.")


def _keep(directory: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    _write_private(directory / f"{name}.key", _pem_of(key))
    (directory / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
