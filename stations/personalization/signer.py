"""The keys that sign chips: an emulated country signing authority and the document signer that it issued.

Both lie in a run's key folder, readable by their owner alone. A production line brings its own signer from its own
authority; what is made here says that it is emulated in its very name.
"""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from stations.errors import KeyFileError
from stations.personalization.chip import SecurityObjectMaker

SIGNER_KEY, SIGNER_CERTIFICATE = "document-signer.key", "document-signer.crt"
AUTHORITY_KEY, AUTHORITY_CERTIFICATE = "country-authority.key", "country-authority.crt"
# A signer works for months, what it signed is read for as long as a passport lasts (Doc 9303 part 12, 7.1).
AUTHORITY_DAYS, SIGNER_DAYS = 15 * 366, 11 * 366


def create_emulated_authority(key_dir: Path) -> None:
    """Make an emulated authority and its document signer in `key_dir` unless they are there (files 0600)."""
    if (key_dir / SIGNER_CERTIFICATE).exists():
        return
    key_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority_key, signer_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name, signer_name = _name("Emulated country signing authority"), _name("Emulated document signer")
    authority = _certificate(authority_name, authority_name, authority_key.public_key(), authority_key, AUTHORITY_DAYS)
    signer = _certificate(signer_name, authority_name, signer_key.public_key(), authority_key, SIGNER_DAYS)
    _write(key_dir / AUTHORITY_KEY, _pem(authority_key))
    _write(key_dir / AUTHORITY_CERTIFICATE, authority.public_bytes(Encoding.PEM))
    _write(key_dir / SIGNER_KEY, _pem(signer_key))
    _write(key_dir / SIGNER_CERTIFICATE, signer.public_bytes(Encoding.PEM))  # the last: its presence says all is there


def open_signer(key_dir: Path) -> SecurityObjectMaker:
    """The document signer of a run. Raises `KeyFileError` when its key is missing or open to others."""
    key = load_pem_private_key(_read_private(key_dir / SIGNER_KEY), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyFileError(str(key_dir / SIGNER_KEY), "is not an elliptic curve key")
    return SecurityObjectMaker(key, x509.load_pem_x509_certificate((key_dir / SIGNER_CERTIFICATE).read_bytes()))


def trust_anchor(key_dir: Path) -> bytes:
    """The DER certificate from which chips are judged (`chip.verify`)."""
    certificate = x509.load_pem_x509_certificate((key_dir / AUTHORITY_CERTIFICATE).read_bytes())
    return certificate.public_bytes(Encoding.DER)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    subject_key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int,
) -> x509.Certificate:
    begin = datetime.now(UTC) - timedelta(minutes=5)  # clocks of readers differ a little
    is_authority = subject == issuer
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(subject_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_authority,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(issuer_key, hashes.SHA256())
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_private(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    except FileNotFoundError:
        raise KeyFileError(str(path), "is missing; restore it from the backup that goes with this database") from None
    if mode & 0o077:
        raise KeyFileError(str(path), f"is open to others (mode {mode:04o}); run `chmod 600` on it")
    return content
