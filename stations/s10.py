"""Postal item numbers of UPU standard S10: two letters, eight digits, a check digit, the country."""

import re

WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
SHAPE = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
SERIALS = 10**8


def check_digit(serial: int) -> int:
    """The check digit of an eight-digit serial: 11 − weighted sum modulo 11, with 10 written 0 and 11 written 5.

    Raises ValueError for more than eight digits.

    >>> check_digit(47312482)
    9
    """
    if not 0 <= serial < SERIALS:
        raise ValueError(f"an S10 serial has eight digits, got {serial}")
    remainder = 11 - sum(weight * int(digit) for weight, digit in zip(WEIGHTS, f"{serial:08d}", strict=True)) % 11
    return {10: 0, 11: 5}.get(remainder, remainder)


def number(service: str, serial: int, country: str) -> str:
    """The whole number, such as `EE473124829CN`. Raises `ValueError` on a malformed service or country code."""
    written = f"{service}{serial:08d}{check_digit(serial)}{country}"
    if not SHAPE.fullmatch(written):
        raise ValueError(f"service {service!r} and country {country!r} must be two capital letters each")
    return written


def valid(written: str) -> bool:
    """Whether `written` has the form of an S10 number and a right check digit.

    >>> valid("RA473124829GB"), valid("RA473124828GB")
    (True, False)
    """
    return SHAPE.fullmatch(written) is not None and check_digit(int(written[2:10])) == int(written[10])
