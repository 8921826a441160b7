"""A program changes strings of one table, and nothing else of a file that people wrote."""

import tomllib

import pytest

from flows.toml_edit import NotEditableError, with_strings

FILE = """\
# The line.
mode = "emulated"   # kept

[[devices]]         # the first
id = 'book-01'
port   =   "emulator://book-01"   # not this: port = "x"
note = "a \\" quote # no comment"

[[devices]]
id = "book-02"
port = "emulator://book-02"
[other]
port = "stays"
"""


def test_the_values_change_and_every_other_byte_stays() -> None:
    edited = with_strings(FILE, ("devices", 0), {"port": "/dev/ttyUSB0", "id": "b"})
    assert edited == FILE.replace('"emulator://book-01"', '"/dev/ttyUSB0"').replace("'book-01'", '"b"')
    edited = with_strings(FILE, ("devices", 1), {"port": 'a"\\b'})
    assert tomllib.loads(edited)["devices"][1]["port"] == 'a"\\b'
    assert edited.splitlines()[:10] == FILE.splitlines()[:10]


def test_a_key_that_is_not_there_is_added_to_its_own_table() -> None:
    edited = with_strings(FILE, ("devices", 0), {"mode": "production"})
    assert tomllib.loads(edited)["devices"][0]["mode"] == "production"
    assert [line for line in edited.splitlines() if line not in FILE.splitlines()] == ['mode = "production"']


def test_line_ends_of_other_systems_stay() -> None:
    edited = with_strings(FILE.replace("\n", "\r\n"), ("devices", 0), {"port": "p", "mode": "production"})
    assert edited.count("\r\n") == edited.count("\n") == FILE.count("\n") + 1


@pytest.mark.parametrize(
    "text",
    [
        'devices = [{ id = "a", port = "b" }]\n',
        '[[devices]]\nport = """\nb"""\n',
        "[[devices]]\nport = 5\n",
        '[[devices]]\nhelp = """\nport = "in the text"\n"""\nport = "b"\n',
        'text = """\n[[devices]]\nport = "in the text"\n"""\n[[devices]]\nport = "b"\n',
        '[[devices]]\n"port" = "b"\n',
    ],
)
def test_what_is_written_otherwise_is_refused_whole(text: str) -> None:
    """Read again after the change, anything else that differed is seen: a header or a key inside a text."""
    assert tomllib.loads(text)["devices"][0]
    with pytest.raises(NotEditableError):
        with_strings(text, ("devices", 0), {"port": "c"})


def test_a_value_that_toml_cannot_hold_is_refused() -> None:
    with pytest.raises(NotEditableError):
        with_strings(FILE, ("devices", 0), {"port": "\x7f"})
