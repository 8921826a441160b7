"""Lengths of time as people say them."""


def duration(seconds: float) -> str:
    """A length of time as people say it: `42 s`, `3:05`, `2 h 10`, `3 d 4 h`.

    >>> [duration(s) for s in (42, 185, 7800, 274_000)]
    ['42 s', '3:05', '2 h 10', '3 d 4 h']
    """
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02}"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
