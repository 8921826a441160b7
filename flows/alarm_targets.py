"""The targets that alarms are told to: addresses of apprise's, kept secret, checked before a line starts.

An address holds tokens and passwords. It is read from its owner's file or the environment, never written, logged or
shown, also not in a refusal; what apprise says of it is silenced.
"""

import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Final

from flows.errors import FlowError
from flows.kept_secret import SecretRefusedError, kept_secret, secret_place
from flows.run_folder import RunFolder
from flows.settings import AlarmTarget, LineSettings
from stations.alarms.rules import Severity

LONGEST_ADDRESS: Final = 4_096
LOCAL: Final = frozenset({"blink1", "dbus", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"})
"""Schemes that tell the computer that the line runs on, where nobody may sit."""


class TargetRefusedError(FlowError):
    """A target of alarms whose address can't be used; the address itself is not repeated."""

    def __init__(self, name: str, where: str, reason: str) -> None:
        super().__init__(name, where, reason)
        self.name, self.where, self.reason = name, where, reason
        self.next_step = (
            f"Put one address of apprise's into {where} (github.com/caronc/apprise lists them), then"
            " `passline alarms test-target`; nothing was started."
        )

    def __str__(self) -> str:
        return f"The alarms' target {self.name} is refused: {self.where} {self.reason}."


class NotToldError(Exception):
    """A target was not told; `code` says why, without a word of what it or its server said."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Target:
    """One target; `address` is its secret. `on_call`: it is told of what happens outside a shift alone."""

    name: str
    address: str = field(repr=False)
    on_call: bool = False

    def tell(self, title: str, body: str, severity: Severity) -> None:
        """Tell it, which may take as long as its server lets it. Raises NotToldError."""
        apprise = _apprise()
        looks = {Severity.URGENT: apprise.NotifyType.FAILURE, Severity.WARNING: apprise.NotifyType.WARNING}
        plugin = _plugin(self.address)
        if plugin is None:
            raise NotToldError("address_refused")
        try:
            told = plugin.notify(
                title=title,
                body=body,
                notify_type=looks.get(severity, apprise.NotifyType.INFO),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 (a hundred services' plugins; whatever one raises, it has not told)
            raise NotToldError(f"fault_{type(error).__name__}") from None
        if not told:
            raise NotToldError("refused_or_no_answer")


def open_targets(folder: RunFolder, settings: LineSettings) -> tuple[Target, ...]:
    """The targets of a line, each with an address that apprise knows. Raises TargetRefusedError."""
    on_call = settings.on_call.targets if settings.on_call is not None else ()
    usual = (_opened(folder, target, os.environ) for target in settings.alarms.targets)
    return (*usual, *(replace(_opened(folder, target, os.environ), on_call=True) for target in on_call))


def _opened(folder: RunFolder, target: AlarmTarget, environment: Mapping[str, str]) -> Target:
    where = secret_place(target.file, target.environment)
    try:
        address = kept_secret(folder, target.file, target.environment, environment, longest=LONGEST_ADDRESS)
    except SecretRefusedError as error:
        raise TargetRefusedError(target.name, where, error.reason) from None
    if not address:
        raise TargetRefusedError(target.name, where, "is empty")
    if len(address) > LONGEST_ADDRESS or not address.isprintable() or " " in address:
        raise TargetRefusedError(target.name, where, "must hold one address and nothing else")
    if address.partition("://")[0].lower() in LOCAL:
        raise TargetRefusedError(target.name, where, "would tell only this computer")
    if _plugin(address) is None:
        raise TargetRefusedError(target.name, where, "holds no address that apprise knows")
    return Target(target.name, address)


def _plugin(address: str) -> Any:
    return _apprise().Apprise.instantiate(address, suppress_exceptions=True)


@cache
def _apprise() -> Any:
    """Apprise with all its plugins, which it loads when first asked for one: some with warnings about themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import apprise

        # It logs addresses it can't make sense of, whole.
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        apprise.Apprise.instantiate("json://localhost", suppress_exceptions=True)
    return apprise
