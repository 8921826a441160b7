"""Personal data at rest."""

import stat
from pathlib import Path

import pytest

from stations.errors import KeyFileError, SealBrokenError
from stations.personal import INDEX_KEY, SEALING_KEY, PersonalData


def test_a_sealed_field_opens_only_for_its_own_record(tmp_path: Path) -> None:
    personal = PersonalData.create(tmp_path / "keys")
    sealed = personal.encrypt("李晓明".encode(), "application-1")
    assert "李晓明".encode() not in sealed
    assert personal.decrypt(sealed, "application-1").decode() == "李晓明"
    with pytest.raises(SealBrokenError, match="application-2"):
        personal.decrypt(sealed, "application-2")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + b"x" * 40, b"\x01" + b"x" * 40])
def test_what_was_not_sealed_here_does_not_open(tmp_path: Path, sealed: bytes) -> None:
    with pytest.raises(SealBrokenError):
        PersonalData.create(tmp_path).decrypt(sealed, "a")


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    first = PersonalData.create(keys).person_key("11010519491231002X")
    assert PersonalData.create(keys).person_key("11010519491231002x") == first
    assert PersonalData(keys).application_key("11010519491231002X") != first
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()} == {0o600}
    assert sorted(path.name for path in keys.iterdir()) == [INDEX_KEY, SEALING_KEY]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    PersonalData.create(tmp_path)
    (tmp_path / SEALING_KEY).chmod(0o640)
    with pytest.raises(KeyFileError, match="0640"):
        PersonalData(tmp_path)


def test_a_missing_or_short_key_is_refused(tmp_path: Path) -> None:
    PersonalData.create(tmp_path)
    (tmp_path / INDEX_KEY).write_bytes(b"short")
    with pytest.raises(KeyFileError, match="5 bytes"):
        PersonalData(tmp_path)
    (tmp_path / INDEX_KEY).unlink()
    with pytest.raises(KeyFileError, match="missing"):
        PersonalData(tmp_path)
