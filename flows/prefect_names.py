"""The names under which a line's runs are found in Prefect."""


def line_tags(centre: str, *, emulated: bool) -> list[str]:
    """Tags that every run of this line carries; runs of a dead line are found by them."""
    return ["passline", f"centre:{centre}", *(["EMULATED"] if emulated else [])]
