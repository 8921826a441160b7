"""EF.SOD as a document signer writes it: CMS SignedData over an LDS security object.

What varies from document to document is two hashes and a signature, so it is spliced from parts that are encoded once
per signer.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache

from asn1crypto import algos, cms, core

LDS_SECURITY_OBJECT = "2.23.136.1.1.1"


def tlv(tag: int, *parts: bytes) -> bytes:
    """One BER-TLV object with a definite length, shortest form; `tag` is its one or two bytes as a number."""
    length = sum(map(len, parts))
    head = tag.to_bytes(2 if tag > 0xFF else 1, "big")
    if length < 0x80:
        size = bytes((length,))
    else:
        digits = (length.bit_length() + 7) // 8
        size = bytes((0x80 | digits,)) + length.to_bytes(digits, "big")
    return b"".join((head, size, *parts))


class Layout:
    """EF.SOD as one document signer writes it: all but the hashes of the data groups and the signature is fixed."""

    def __init__(self, certificate: bytes) -> None:
        """Lay it out for the signer's DER `certificate`. Raises ValueError for what is none."""
        encoded = cms.Certificate.load(certificate)
        sha256 = algos.DigestAlgorithm({"algorithm": "sha256"}).dump()
        content_type = core.ObjectIdentifier(LDS_SECURITY_OBJECT).dump()
        self._lds_head = core.Integer(0).dump() + sha256
        content_attribute = cms.CMSAttribute({"type": "content_type", "values": [LDS_SECURITY_OBJECT]})
        self._attributes_head: bytes = content_attribute.dump()
        self._digest_oid = core.ObjectIdentifier("1.2.840.113549.1.9.4").dump()
        self._data_head = core.Integer(3).dump() + tlv(0x31, sha256)
        self._content_type = content_type
        self._certificates = tlv(0xA0, encoded.dump())
        self._signer_head = core.Integer(1).dump() + signer_name(encoded).dump() + sha256
        self._signature_algorithm = algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}).dump()
        self._signed_data_oid = core.ObjectIdentifier("1.2.840.113549.1.7.2").dump()

    def lds(self, group_hashes: Mapping[int, bytes]) -> bytes:
        """The LDS security object over these SHA-256 hashes, by number of the data group."""
        listed = [
            tlv(0x30, tlv(0x02, bytes((number,))), tlv(0x04, digest)) for number, digest in sorted(group_hashes.items())
        ]
        return tlv(0x30, self._lds_head, tlv(0x30, *listed))

    def attributes(self, lds: bytes) -> bytes:
        """The signed attributes' content over `lds`."""
        digest = tlv(0x31, tlv(0x04, hashlib.sha256(lds).digest()))
        return self._attributes_head + tlv(0x30, self._digest_oid, digest)

    def file(self, lds: bytes, attributes: bytes, signature: bytes) -> bytes:
        """EF.SOD of these parts."""
        signer = tlv(0x30, self._signer_head, tlv(0xA0, attributes), self._signature_algorithm, tlv(0x04, signature))
        content = tlv(0x30, self._content_type, tlv(0xA0, tlv(0x04, lds)))
        signed = tlv(0x30, self._data_head, content, self._certificates, tlv(0x31, signer))
        return tlv(0x77, tlv(0x30, self._signed_data_oid, tlv(0xA0, signed)))


@lru_cache(maxsize=64)
def layout_of(certificate: bytes) -> Layout:
    """The layout of the signer with this DER certificate; few signers make many documents, so it is kept."""
    return Layout(certificate)


def signer_name(certificate: cms.Certificate) -> cms.IssuerAndSerialNumber:
    """How CMS names the signer whose certificate this is."""
    return cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})
