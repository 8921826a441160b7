"""What line.toml says of stations, machines and thresholds, as the log's registers have it."""

from datetime import timedelta

from flows.settings import DeviceSettings, LineSettings
from flows.terms import ANY, LINE
from handoff_logs.register import Facts, Register
from stations.patrol.listing import subject
from stations.people import STAFFING


def registered(settings: LineSettings) -> dict[Register, Facts]:
    """Return the whole of the registers that follow line.toml: value by (subject, field) of each.

    Hours are in hours, shares from 0 to 1, as in line.toml; allowances that are left out there are the usual ones.
    """
    return {
        Register.STATION: _stations(settings),
        Register.MACHINE: {
            (device.id, field): value for device in settings.devices for field, value in _machine(device).items()
        },
        Register.THRESHOLD: _thresholds(settings),
    }


def _stations(settings: LineSettings) -> Facts:
    facts = {(LINE, "centre"): settings.centre, (LINE, "mode"): settings.mode.value}
    for station, (role, _) in STAFFING.items():
        facts[station, "role"] = role.value
        facts[station, "staff"] = settings.staff.kind.value
        if settings.gate is not None and station in settings.gate.core:
            facts[station, "core"] = "emulated" if settings.gate_emulated else "real"
    return facts


def _machine(device: DeviceSettings) -> dict[str, str]:
    facts = {"driver": device.driver, "port": device.port, "serial": device.serial, "mode": device.mode.value}
    if device.zone is not None:
        facts["zone"] = device.zone
    if device.ideal_cycle_s is not None:
        facts["ideal_cycle_s"] = f"{device.ideal_cycle_s:g}"
    return facts


def _said(value: float | frozenset[str]) -> str:
    return " ".join(sorted(value)) or ANY if isinstance(value, frozenset) else f"{value:g}"


def _thresholds(settings: LineSettings) -> Facts:
    facts = {
        (LINE, "tray_size"): str(settings.tray_size),
        (LINE, "people_per_station"): str(settings.staff.people_per_station),
        (LINE, "offer_age_min"): str(settings.thresholds.offer_age_min),
        (LINE, "blanks_low"): str(settings.thresholds.blanks_low),
        ("vault", "reserve_share"): f"{settings.vault.reserve_share:g}",
        ("vault", "reserve"): str(settings.vault.reserve),
        ("vault", "days_ahead"): str(settings.vault.days_ahead),
        (LINE, "accepts_until"): settings.acceptance.closes if settings.acceptance.later_is_next_day else ANY,
        **({} if settings.gate is None else {(LINE, "min_inside"): str(settings.gate.min_inside)}),
        ("packing", "tolerance_g"): str(settings.weighing.tolerance_g),
        ("packing", "tolerance_share"): f"{settings.weighing.tolerance_share:g}",
        ("mailing", "scale"): settings.mailing.scale or ANY,
        ("qc", "swipe_share"): f"{settings.qc.swipe_share:g}",
        **{("review", name): _said(value) for name, value in settings.review.model_dump().items()},
    }
    for patrol in settings.patrols:
        facts[subject(patrol.name), "every_min"] = str(patrol.every_min)
        facts[subject(patrol.name), "plan"] = patrol.digest
    for place in settings.zones:
        facts |= {(f"climate/{place.name}", f"machine-{machine}"): machine for machine in place.machines}
    for zone, climate in settings.climate.items():
        facts[f"climate/{zone}", "grace_s"] = f"{climate.grace_s:g}"
        for figure, (lowest, highest) in climate.limits.items():
            facts[f"climate/{zone}", figure.value] = " to ".join(
                ANY if end is None else f"{end:g}" for end in (lowest, highest)
            )
    for service_class, allowances in settings.allowances.by_class().items():
        for station, allowance in allowances.items():
            facts[station, f"{service_class}_hours"] = f"{allowance / timedelta(hours=1):g}"
    return facts
