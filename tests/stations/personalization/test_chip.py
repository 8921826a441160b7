"""The chip's files prove themselves from the authority's certificate alone."""

import os
import shutil
import stat
import subprocess

import pytest

from stations.errors import KeyFileError
from stations.personalization import chip, signer
from stations.personalization.chip import Finding

ZONE = ("POCHNLYU<<XIAO<MING" + "<" * 25, "EA00000010CHN9005018M3605013<<<<<<<<<<<<<<00")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A key folder with an emulated authority."""
    folder = tmp_path_factory.mktemp("keys")
    signer.create_emulated_authority(folder)
    return folder


@pytest.fixture
def files(keys):
    """A sound chip."""
    groups = {chip.DG1: chip.data_group_1(ZONE), chip.DG2: chip.data_group_2(os.urandom(12_000), 390, 567)}
    return {chip.EF_COM: chip.COM_FILE, chip.EF_SOD: signer.open_signer(keys).sign(groups), **groups}


def test_a_sound_chip_has_no_findings(keys, files):
    """Every hash, the signature and the signer hold; the zone reads back."""
    assert chip.verify(files, signer.trust_anchor(keys)) == []
    assert chip.read_zone(files[chip.DG1]) == "".join(ZONE)


@pytest.mark.parametrize("name", [chip.EF_COM, chip.DG1, chip.DG2, chip.EF_SOD])
def test_a_missing_file_is_found(keys, files, name):
    """A chip without one of its files is named by it."""
    del files[name]
    assert chip.verify(files, signer.trust_anchor(keys)) == [Finding(name, "missing")]


@pytest.mark.parametrize("name", [chip.DG1, chip.DG2])
def test_a_changed_group_is_found(keys, files, name):
    """One changed byte of a data group no longer has the signed hash."""
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    assert chip.verify(files, signer.trust_anchor(keys)) == [Finding(name, "wrong-hash")]


def test_every_changed_byte_of_the_security_object_is_found_or_harmless(keys, files):
    """No damage makes verification fail otherwise than by a finding, and none of what is signed passes."""
    sound = files[chip.EF_SOD]
    lds = sound.index(bytes.fromhex("0606678108010101"))
    passed = []
    for place in range(len(sound)):
        changed = bytearray(sound)
        changed[place] ^= 0x01
        if not chip.verify({**files, chip.EF_SOD: bytes(changed)}, signer.trust_anchor(keys)):
            passed.append(place)
    # What may pass says nothing: null parameters of algorithms, and version numbers outside what is signed.
    signed_and_signature = {*range(lds, lds + 120), *range(len(sound) - 64, len(sound))}
    assert not set(passed) & signed_and_signature
    assert len(passed) < len(sound) / 100


def test_a_chip_of_another_authority_is_not_trusted(files, tmp_path):
    """Only the trust anchor's signers count."""
    signer.create_emulated_authority(tmp_path)
    assert chip.verify(files, signer.trust_anchor(tmp_path)) == [Finding(chip.EF_SOD, "untrusted-signer")]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="an oracle of another house")
def test_openssl_agrees(keys, files, tmp_path):
    """The security object is CMS that another implementation verifies."""
    wrapped = files[chip.EF_SOD]
    head = 2 + (wrapped[1] & 0x7F if wrapped[1] & 0x80 else 0)
    (tmp_path / "sod").write_bytes(wrapped[head:])
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", str(tmp_path / "sod"), "-purpose", "any"]
    done = subprocess.run(
        [*command, "-CAfile", str(keys / signer.AUTHORITY_CERTIFICATE), "-out", "/dev/null"], capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_keys_open_to_others_are_refused(tmp_path):
    """A signer's key is its owner's alone."""
    signer.create_emulated_authority(tmp_path)
    key = tmp_path / signer.SIGNER_KEY
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.chmod(0o644)
    with pytest.raises(KeyFileError):
        signer.open_signer(tmp_path)
