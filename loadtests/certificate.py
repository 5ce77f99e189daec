"""Certificates for a bench on this machine: `python -m loadtests.certificate FOLDER` writes cert.pem and key.pem."""

import datetime
import ipaddress
import os
import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Validity:
    """From when and for how many days a certificate holds; by default from an hour ago, for clocks that differ."""

    start: datetime.datetime | None = None
    days: int = 30


def make_pair(folder: Path, prefix: str = "", issuer: Pair | None = None, validity: Validity = Validity()) -> Pair:
    """Write a certificate for this machine's own names, and its key, into the folder.

    Without an issuer it signs itself and may sign others: then it is the file that clients trust, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pair = Pair(folder / f"{prefix}cert.pem", folder / f"{prefix}key.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(f"Sluice {prefix or 'bench'}", key, issuer, validity)
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with open(os.open(pair.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    return pair


def _sign(name: str, key: ec.EllipticCurvePrivateKey, issuer: Pair | None, validity: Validity) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing = key if issuer is None else _read_key(issuer.key)
    start = validity.start or datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else _read_certificate(issuer.certificate).subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=validity.days))
    )
    for extension, critical in _extensions(key.public_key(), signing.public_key(), issuer is None):
        builder = builder.add_extension(extension, critical)
    return builder.sign(signing, hashes.SHA256())


def _extensions(
    own: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePublicKey, signs_others: bool
) -> list[tuple[x509.ExtensionType, bool]]:
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return [
        (x509.SubjectAlternativeName(_NAMES), False),
        (x509.BasicConstraints(ca=signs_others, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(own), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), False),
    ]


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds no key of an elliptic curve: give one that this module made")
    return key


def _read_certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def main(arguments: list[str] | None = None) -> int:
    """Write a self-signed pair and say how it is used."""
    parser = ArgumentParser(prog="python -m loadtests.certificate", description=__doc__)
    parser.add_argument("folder", type=Path, help="where cert.pem and key.pem are written")
    parser.add_argument(
        "--days", type=int, default=Validity().days, help="how long the certificate holds [%(default)s]"
    )
    options = parser.parse_args(arguments)
    pair = make_pair(options.folder, validity=Validity(days=options.days))
    print(f"gateway:   --tls-cert {pair.certificate} --tls-key {pair.key}\nthe asker: --tls-ca {pair.certificate}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
