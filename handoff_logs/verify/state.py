"""Where an auditor's earlier run ended: the tree it verified, in a file that the next run begins from."""

import json
import os
from pathlib import Path

from handoff_logs.errors import HandoffLogError
from handoff_logs.verify.bounds import Tree

FILE_NAME = "verified.json"


class StateRefusedError(HandoffLogError):
    """The file that says where the last verification ended can't be read or written."""

    def __init__(self, path: str, fault: str) -> None:
        super().__init__(path, fault)
        self.path, self.fault = path, fault

    def __str__(self) -> str:
        return (
            f"{self.path} does not say where the last verification ended ({self.fault}); name another with --state,"
            " or verify without --since-last"
        )


def read_state(path: Path) -> Tree | None:
    """Return the tree that was verified last, None before the first time. Raises StateRefusedError."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Tree(int(stored["epoch"]), int(stored["size"]), bytes.fromhex(stored["root"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateRefusedError(str(path), str(error)) from error


def write_state(path: Path, tree: Tree) -> None:
    """Remember the tree that is verified, whole or not at all. Raises StateRefusedError."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    said = {"epoch": tree.epoch, "size": tree.size, "root": tree.root.hex()}
    try:
        fresh.write_text(json.dumps(said), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise StateRefusedError(str(path), str(error)) from error
