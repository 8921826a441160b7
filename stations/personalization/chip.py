"""The chip's files: data groups as ICAO Doc 9303 part 10 lays them out, and the security object that signs them.

A security object that differs from what its signer writes is read by asn1crypto, which parses strictly.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from asn1crypto import algos, cms, core, parser
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from stations.personalization.security_object import LDS_SECURITY_OBJECT, Layout, layout_of, signer_name, tlv

EF_COM, DG1, DG2, EF_SOD = "EF.COM", "EF.DG1", "EF.DG2", "EF.SOD"
GROUPS = {DG1: 1, DG2: 2}
_ECDSA = ec.ECDSA(hashes.SHA256())


class _GroupHash(core.Sequence):  # type: ignore[misc]
    _fields = [("number", core.Integer), ("value", core.OctetString)]  # noqa: RUF012


class _GroupHashes(core.SequenceOf):  # type: ignore[misc]
    _child_spec = _GroupHash


class _LdsSecurityObject(core.Sequence):  # type: ignore[misc]
    _fields = [  # noqa: RUF012
        ("version", core.Integer),
        ("algorithm", algos.DigestAlgorithm),
        ("hashes", _GroupHashes),
    ]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one file of a chip.

    `code`: missing, malformed, wrong-hash, wrong-signature, untrusted-signer or signer-not-valid-now.
    """

    file: str
    code: str


class MalformedChipError(ValueError):
    """A chip's file cannot be read as what it should be."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.file = file

    def __str__(self) -> str:
        return f"{self.file} is not encoded as ICAO Doc 9303 part 10 says; the chip is unusable"


COM_FILE = tlv(0x60, tlv(0x5F01, b"0107"), tlv(0x5F36, b"040000"), tlv(0x5C, b"\x61\x75"))


def data_group_1(mrz: Sequence[str]) -> bytes:
    """DG1: the printed zone, its lines joined."""
    return tlv(0x61, tlv(0x5F1F, "".join(mrz).encode("ascii")))


def data_group_2(portrait: bytes, width: int, height: int) -> bytes:
    """DG2: one JPEG face of `width` x `height` pixels, in ISO/IEC 19794-5 within one CBEFF template."""
    face = 20 + 12 + len(portrait)  # facial information, image information, image
    record = b"".join(
        (
            b"FAC\x00010\x00",
            (14 + face).to_bytes(4, "big"),
            b"\x00\x01",
            face.to_bytes(4, "big"),
            bytes(16),  # no feature points; sex, eyes, hair, pose: not specified
            b"\x01\x00",  # full frontal, JPEG
            width.to_bytes(2, "big"),
            height.to_bytes(2, "big"),
            bytes(6),  # colour space, source, device, quality: not specified
        )
    )
    kind = tlv(0xA1, tlv(0x80, b"\x01\x01"), tlv(0x81, b"\x02"), tlv(0x87, b"\x01\x01"), tlv(0x88, b"\x00\x08"))
    return tlv(0x75, tlv(0x7F61, tlv(0x02, b"\x01"), tlv(0x7F60, kind, tlv(0x5F2E, record, portrait))))


class SecurityObjectMaker:
    """Makes EF.SOD under one document signer: CMS SignedData over an LDS security object, ECDSA P-256, SHA-256."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._layout = Layout(certificate.public_bytes(Encoding.DER))

    def sign(self, groups: Mapping[str, bytes]) -> bytes:
        """EF.SOD for the data groups `groups` (file name -> content)."""
        lds = self._layout.lds({GROUPS[name]: hashlib.sha256(content).digest() for name, content in groups.items()})
        attributes = self._layout.attributes(lds)
        return self._layout.file(lds, attributes, self._key.sign(tlv(0x31, attributes), _ECDSA))


def verify(files: Mapping[str, bytes], trust_anchor: bytes) -> list[Finding]:
    """What is wrong with a chip's `files`, judged from the DER certificate of the issuing authority alone.

    An empty list: every file is there, its hash is the signed one, the signature holds, and its signer was issued by
    the trust anchor.
    """
    missing = [Finding(name, "missing") for name in (EF_COM, DG1, DG2, EF_SOD) if name not in files]
    if missing:
        return missing
    digests = {number: hashlib.sha256(files[name]).digest() for name, number in GROUPS.items()}
    try:
        signed = _as_its_signer_writes(files[EF_SOD], digests) or _open_security_object(files[EF_SOD])
        trusted = _trusted_key(signed.certificate, trust_anchor)
    except (ValueError, KeyError, TypeError, IndexError, x509.InvalidVersion, UnsupportedAlgorithm):
        return [Finding(EF_SOD, "malformed")]
    findings = [
        Finding(name, "wrong-hash")
        for name, number in GROUPS.items()
        if signed.group_hashes.get(number) != digests[number]
    ]
    if files[EF_COM] != COM_FILE:
        findings.append(Finding(EF_COM, "malformed"))
    if trusted is None:
        return [*findings, Finding(EF_SOD, "untrusted-signer")]
    if not trusted.valid_from <= datetime.now(UTC) <= trusted.valid_until:
        findings.append(Finding(EF_SOD, "signer-not-valid-now"))
    if not _signature_holds(signed, trusted.key):
        findings.append(Finding(EF_SOD, "wrong-signature"))
    return findings


def stated_hashes(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The hash that a chip's security object states for each data group, by file; none where it can't be read.

    Whether the signature over them holds is for `verify` to say.
    """
    try:
        stated = _open_security_object(files[EF_SOD]).group_hashes
    except (ValueError, KeyError, TypeError, IndexError):
        return {}
    return {name: stated[number] for name, number in GROUPS.items() if number in stated}


def read_zone(group_1: bytes) -> str:
    """The printed zone that DG1 holds, its lines joined. Raises `MalformedChipError`."""
    try:
        outer = parser.parse(group_1, strict=True)
        inner = parser.parse(outer[4], strict=True)
    except ValueError:
        raise MalformedChipError(DG1) from None
    if outer[:3] != (1, 1, 1) or inner[2] != 31:
        raise MalformedChipError(DG1)
    return bytes(inner[4]).decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class _TrustedSigner:
    key: ec.EllipticCurvePublicKey
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class _SecurityObject:
    lds: bytes
    lds_digest: bytes  # as the signed attributes state it
    group_hashes: dict[int, bytes]
    attributes: bytes  # what was signed
    signature: bytes
    certificate: bytes


def _as_its_signer_writes(file: bytes, digests: dict[int, bytes]) -> _SecurityObject | None:
    """The parts of an EF.SOD that is, byte for byte, what its signer writes over these hashes; else None.

    Nearly every chip is: comparing costs a tenth of parsing, which then finds out what differs.
    """
    try:
        _, data = _parts(_value(_value(file)))
        *_, certificates, signers = _parts(_value(_value(data)))
        certificate = _value(certificates)
        signature = _value(_parts(_value(_value(signers)))[-1])
        layout = layout_of(certificate)
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    lds = layout.lds(digests)
    attributes = layout.attributes(lds)
    if layout.file(lds, attributes, signature) != file:
        return None
    return _SecurityObject(lds, hashlib.sha256(lds).digest(), digests, tlv(0x31, attributes), signature, certificate)


def _value(encoded: bytes) -> bytes:
    return bytes(parser.parse(encoded)[4])


def _parts(content: bytes) -> list[bytes]:
    """The objects that `content` is a sequence of."""
    parts = []
    while content:
        length = parser.peek(content)
        parts.append(content[:length])
        content = content[length:]
    return parts


def _open_security_object(file: bytes) -> _SecurityObject:
    """The parts of EF.SOD that carry its proof. Raises ValueError or KeyError where it is not as Doc 9303 says."""
    wrapper = parser.parse(file, strict=True)
    envelope = cms.ContentInfo.load(wrapper[4], strict=True)
    if wrapper[0] != 1 or wrapper[2] != 0x17 or envelope["content_type"].native != "signed_data":
        raise ValueError("not a security object")
    data = envelope["content"]
    content, (signer,), (choice,) = data["encap_content_info"], data["signer_infos"], data["certificates"]
    certificate, attributes = choice.chosen, signer["signed_attrs"]
    stated = {each["type"].native: each["values"][0] for each in attributes}
    lds = bytes(content["content"])
    listed = _LdsSecurityObject.load(lds, strict=True)
    algorithms = [listed["algorithm"], signer["digest_algorithm"], *data["digest_algorithms"]]
    if (
        {each["algorithm"].native for each in algorithms} != {"sha256"}
        or signer["signature_algorithm"]["algorithm"].native != "sha256_ecdsa"
        or {content["content_type"].dotted, stated["content_type"].dotted} != {LDS_SECURITY_OBJECT}
        or signer["sid"].chosen.dump() != signer_name(certificate).dump()
    ):
        raise ValueError("not one ECDSA signature over an LDS security object")
    return _SecurityObject(
        lds=lds,
        lds_digest=bytes(stated["message_digest"]),
        group_hashes={int(entry["number"]): bytes(entry["value"]) for entry in listed["hashes"]},
        attributes=attributes.untag().dump(),
        signature=bytes(signer["signature"]),
        certificate=certificate.dump(),
    )


def _signature_holds(signed: _SecurityObject, key: ec.EllipticCurvePublicKey) -> bool:
    if signed.lds_digest != hashlib.sha256(signed.lds).digest():
        return False
    try:
        key.verify(signed.signature, signed.attributes, _ECDSA)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=64)
def _trusted_key(certificate: bytes, trust_anchor: bytes) -> _TrustedSigner | None:
    """The signer's key if `trust_anchor` issued its certificate; few signers make many documents, so it is kept."""
    signer = x509.load_der_x509_certificate(certificate)
    try:
        signer.verify_directly_issued_by(x509.load_der_x509_certificate(trust_anchor))
    except (InvalidSignature, ValueError, TypeError):
        return None
    key = signer.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return None
    return _TrustedSigner(key, signer.not_valid_before_utc, signer.not_valid_after_utc)
