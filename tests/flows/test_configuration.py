"""What is wrong in line.toml is refused whole, each fault with its place, what is allowed and a near match."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from devices.registry import BUILT_IN
from flows.configuration import SettingFault, SettingsError, read_settings
from flows.default_line import LineExistsError, write_default
from flows.errors import ConfigurationUnreadableError, RunFolderMissingError
from flows.makers import SCALES
from flows.parts import Parts
from flows.run_folder import RunFolder
from flows.settings import ClimateSettings, Mode, ReviewSettings, StaffKind
from stations.climate.rules import Figure
from stations.deadlines import ALLOWANCES
from stations.review.second import SecondLooks
from stations.review.thresholds import Thresholds

Refused = Callable[[str, str], tuple[SettingFault, ...]]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run folder with the demonstration's line.toml."""
    made = RunFolder(tmp_path)
    write_default(made)
    return made


@pytest.fixture
def refused(folder: RunFolder) -> Refused:
    """Replace one piece of line.toml by another and return the faults it is refused with."""

    def change(before: str, after: str) -> tuple[SettingFault, ...]:
        text = folder.configuration.read_text("utf-8")
        assert before in text
        folder.configuration.write_text(text.replace(before, after, 1), "utf-8")
        with pytest.raises(SettingsError) as caught:
            read_settings(folder)
        return caught.value.faults

    return change


def line_with(folder: RunFolder, text: str) -> str:
    lines = folder.configuration.read_text("utf-8").splitlines()
    return f"line.toml:{next(number for number, line in enumerate(lines, 1) if text in line)}"


def test_the_default_line_has_the_machines_asked_for(tmp_path: Path) -> None:
    write_default(RunFolder(tmp_path), books=3, cards=1, readers=2, tray_size=40, speed=0)
    settings = read_settings(RunFolder(tmp_path))
    assert [device.id for device in settings.devices] == [
        "book-01",
        "book-02",
        "book-03",
        "card-01",
        "reader-01",
        "reader-02",
        "scale-01",
        "label-01",
        "swipe-01",
        "air-01",
        "face-01",
        "face-02",
        "shower-01",
    ]
    assert settings.gate is not None and settings.gate.machines == ("face-01", "face-02", "shower-01")
    assert settings.gate_emulated
    assert (settings.tray_size, settings.speed, settings.mode) == (40, 0, Mode.EMULATED)
    assert settings.emulated
    assert all(device.emulated for device in settings.devices)


def test_the_default_line_writes_out_the_usual_allowances(folder: RunFolder) -> None:
    assert read_settings(folder).allowances.by_class() == ALLOWANCES


def test_a_line_is_never_written_over(folder: RunFolder) -> None:
    with pytest.raises(LineExistsError):
        write_default(folder)


def test_an_unknown_key_is_refused_with_its_line_and_a_near_match(folder: RunFolder, refused: Refused) -> None:
    (fault,) = refused("offer_age_min", "ofer_age_min")
    assert fault.source == line_with(folder, "ofer_age_min")
    assert (fault.place, fault.suggestion) == ("thresholds.ofer_age_min", "offer_age_min")
    assert fault.allowed == "offer_age_min, blanks_low"


@pytest.mark.parametrize("name", ["id", "port"])
def test_what_two_devices_share_is_refused_at_the_second(name: str, folder: RunFolder, refused: Refused) -> None:
    before = {"id": 'id = "book-02"', "port": 'port = "emulator://book-02"'}[name]
    fault, *_ = refused(before, before.replace("book-02", "book-01"))
    assert (fault.place, fault.allowed) == (f"devices[1].{name}", "")
    assert "book-01', which another device has already" in fault.problem


def test_an_unknown_key_of_one_device_is_refused_with_its_own_line(folder: RunFolder, refused: Refused) -> None:
    (fault,) = refused('serial = "EMU-CARD-02"', 'serial = "EMU-CARD-02"\nmoed = "emulated"')
    assert fault.source == line_with(folder, "moed")
    assert (fault.place, fault.suggestion) == ("devices[3].moed", "mode")


@pytest.mark.parametrize(
    ("before", "after", "place", "allowed"),
    [
        ('mode = "emulated"  ', 'mode = "emulatd"  ', "mode", "emulated, production"),
        ('level = "warning"', 'level = "loud"', "logging.level", "debug, info, warning, error"),
        ("own_server = true", 'own_server = "perhaps"', "prefect.own_server", "true, false"),
        ("people_per_station = 3", "people_per_station = 1", "staff.people_per_station", "2 to 50"),
        ("tray_size = 25", "tray_size = 0", "tray_size", "1 to 1000"),
        ("review = 0.5", "review = 0", "allowances.emergency.review", "more than 0 to 240"),
        (
            'port = "emulator://book-01"',
            'port = "COM3"',
            "devices[0].port",
            "/dev/serial/by-id/…, socket://HOST:PORT, rfc2217://HOST:PORT or emulator://ID",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    refused: Refused, before: str, after: str, place: str, allowed: str
) -> None:
    (fault,) = refused(before, after)
    assert (fault.place, fault.allowed) == (place, allowed)
    assert fault.source.startswith("line.toml:")


@pytest.mark.parametrize(
    ("before", "after", "place", "problem"),
    [
        ('enter_reader = "face-01"', 'enter_reader = "book-01"', "gate.enter_reader", "no device of osdp-face-reader"),
        ('shower = "shower-01"', 'shower = "shower-09"', "gate.shower", "no device of modbus-air-shower"),
        ('leave_reader = "face-02"', 'leave_reader = "face-01"', "gate.leave_reader", "who comes and who goes"),
        ('core = ["vault", "personalization"]', 'core = ["vault", "carrier"]', "gate.core[1]", "no station inside"),
        ('core = ["vault", "personalization"]', 'core = ["vault", "vault"]', "gate.core[1]", "twice in it"),
        ("min_inside = 2", "min_inside = 0", "gate.min_inside", "is 0"),
        ('port = "emulator://face-01" ', 'port = "/dev/ttyUSB0" ', "", ""),
        (
            'port = "emulator://shower-01"   # a real one: /dev/serial/by-id/…, socket://10.0.0.5:4001\n'
            'serial = "EMU-SHOWER-01"      # refused if the machine says another\nmode = "emulated"',
            'port = "/dev/ttyUSB0"\nserial = "AS-1"\nmode = "production"',
            "gate",
            "real and emulated machines",
        ),
    ],
)
def test_a_wrong_gate_is_refused_with_its_place(
    folder: RunFolder, refused: Refused, before: str, after: str, place: str, problem: str
) -> None:
    if not place:
        # In the mode "emulated" an emulator may answer at any port.
        folder.configuration.write_text(folder.configuration.read_text("utf-8").replace(before, after), "utf-8")
        assert read_settings(folder).gate_emulated
        return
    (fault,) = refused(before, after)
    assert fault.place == place and problem in fault.problem
    assert fault.source.startswith("line.toml:")


REVIEW_LIMITS = [name for name in ReviewSettings.model_fields if name != "second_classes"]
REVIEW_RANGES = [name for name in REVIEW_LIMITS if "_min" in name and name.replace("_min", "_max") in REVIEW_LIMITS]


@pytest.mark.parametrize("name", REVIEW_LIMITS)
def test_every_limit_of_review_has_a_range_and_is_refused_outside_with_its_key(folder: RunFolder, name: str) -> None:
    (fault,) = limit(folder, f"{name} = 1000000")
    assert fault.place == f"review.{name}"
    assert " to " in fault.allowed
    assert fault.source == line_with(folder, f"{name} = 1000000")


def test_passes_are_decided_again_by_share_and_class_where_it_is_set(folder: RunFolder) -> None:
    """Off by default; a class that there is none of is refused with its key."""
    assert read_settings(folder).review.second_looks() == SecondLooks()
    (fault,) = limit(folder, 'second_classes = ["urgent"]')
    assert fault.place.startswith("review.second_classes")
    text = folder.configuration.read_text("utf-8")
    set_ = text.replace('second_classes = ["urgent"]', 'second_classes = ["emergency"]\nsecond_share = 0.05')
    folder.configuration.write_text(set_, "utf-8")
    assert read_settings(folder).review.second_looks() == SecondLooks(0.05, frozenset({"emergency"}))


def limit(folder: RunFolder, lines: str) -> tuple[SettingFault, ...]:
    """The faults of a line whose [review] has these lines alone."""
    text = folder.configuration.read_text("utf-8")
    before, after = text[: text.index("[review]")], text[text.index("[qc]") :]
    folder.configuration.write_text(f"{before}[review]\n{lines}\n\n{after}", "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_settings(folder)
    return caught.value.faults


@pytest.mark.parametrize("name", REVIEW_RANGES)
def test_a_range_of_review_the_wrong_way_round_is_refused_at_its_upper_end(folder: RunFolder, name: str) -> None:
    upper = name.replace("_min", "_max")
    least = ReviewSettings.model_fields[name].default
    faults = limit(folder, f"{upper} = {least}")
    assert [fault.place for fault in faults] == [f"review.{upper}"]
    assert f"more than {name}, {least:g}" in faults[0].allowed


def test_an_unknown_limit_of_review_is_refused_with_a_near_match(folder: RunFolder) -> None:
    (fault,) = limit(folder, "sharpnes_min = 0.1")
    assert (fault.place, fault.suggestion) == ("review.sharpnes_min", "sharpness_min")


def test_the_limits_of_the_default_line_are_those_of_the_rules(folder: RunFolder) -> None:
    limits = read_settings(folder).review.thresholds(folder.hold_lists)
    assert limits == Thresholds(hold_lists=folder.hold_lists)


def test_each_limit_of_review_reaches_the_rules(folder: RunFolder) -> None:
    usual = ReviewSettings().thresholds(folder.hold_lists)
    for name, field in ReviewSettings.model_fields.items():
        if name.startswith("second_"):
            continue
        other = ReviewSettings.model_validate({name: field.default + (1 if isinstance(field.default, int) else 0.001)})
        assert other.thresholds(folder.hold_lists) != usual, name


def test_mailings_scale_is_one_of_the_lines(folder: RunFolder, refused: Refused) -> None:
    """And packing then takes another."""
    text = folder.configuration.read_text(encoding="utf-8")
    assert read_settings(folder).mailing.scale is None
    (fault,) = refused('# [mailing]\n# scale = "scale-02"', '[mailing]\nscale = "book-01"')
    assert (fault.place, fault.allowed) == ("mailing.scale", "scale-01")
    own = text.replace('# [mailing]\n# scale = "scale-02"', '[mailing]\nscale = "scale-01"')
    folder.configuration.write_text(own, encoding="utf-8")
    settings = read_settings(folder)
    parts = Parts(folder, settings)
    assert (settings.mailing.scale, parts._first(SCALES, but="scale-01")) == ("scale-01", None)


@pytest.mark.parametrize(
    ("before", "after", "place", "allowed"),
    [
        ("tolerance_g = 2 ", "tolerance_g = 3 ", "weighing.tolerance_g", "0 to 2"),
        ("tolerance_share = 0.02", "tolerance_share = 0.2", "weighing.tolerance_share", "0 to 0.1"),
    ],
)
def test_no_tolerance_hides_a_document(refused: Refused, before: str, after: str, place: str, allowed: str) -> None:
    (fault,) = refused(before, after)
    assert (fault.place, fault.allowed) == (place, allowed)


def test_emulated_staff_have_no_real_gate(folder: RunFolder) -> None:
    lines = folder.configuration.read_text("utf-8")
    begin = lines.index('[[devices]]\nid = "face-01"')
    real = lines[begin:].replace('mode = "emulated"', 'mode = "production"').replace("emulator://", "/dev/")
    folder.configuration.write_text(lines[:begin] + real, "utf-8")
    with pytest.raises(SettingsError, match="which emulated staff can't pass"):
        read_settings(folder)


def test_a_line_without_the_section_has_no_gate(folder: RunFolder) -> None:
    lines = folder.configuration.read_text("utf-8")
    without = lines[: lines.index("[gate]")] + lines[lines.index("[emulation]") :]
    folder.configuration.write_text(without, "utf-8")
    assert read_settings(folder).gate is None and not read_settings(folder).gate_emulated


def test_a_missing_key_is_refused(refused: Refused) -> None:
    (fault,) = refused('serial = "EMU-BOOK-01"', "")
    assert (fault.place, fault.problem) == ("devices[0].serial", "is missing")


def test_every_fault_is_named_at_once(refused: Refused) -> None:
    faults = refused(
        '[staff]\nkind = "emulated"        # "desks": people at their screens', '[staff]\nkind = "robots"\nshft = 1'
    )
    assert {fault.place for fault in faults} == {"staff.kind", "staff.shft"}


def test_keys_that_pydantic_settings_would_take_for_its_own_are_refused(refused: Refused) -> None:
    (fault,) = refused("[database]", "[_env_file]")
    assert fault.place == "_env_file"


def test_a_production_line_refuses_every_emulated_part(folder: RunFolder, refused: Refused) -> None:
    faults = refused('mode = "emulated"  ', 'mode = "production"  ')
    assert {fault.place for fault in faults} == {f"devices[{n}].mode" for n in range(12)} | {"staff.kind"}


def test_a_production_line_of_real_parts_is_accepted(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.configuration.write_text(
        """
        mode = "production"
        centre = "jinan"
        [staff]
        kind = "desks"
        [[devices]]
        id = "book-01"
        driver = "book-personalizer"
        port = "/dev/serial/by-id/usb-1"
        serial = "BP-2207-0031"
        """,
        "utf-8",
    )
    settings = read_settings(folder)
    assert not settings.emulated
    assert settings.staff.kind is StaffKind.DESKS


def test_an_unknown_driver_is_refused_with_a_near_match(refused: Refused) -> None:
    (fault,) = refused('driver = "card-personalizer"', 'driver = "card-personaliser"')
    assert (fault.place, fault.suggestion) == ("devices[2].driver", "card-personalizer")
    assert fault.allowed == ", ".join(sorted(BUILT_IN))


def test_two_devices_never_bear_one_name(refused: Refused) -> None:
    fault, *_ = refused('id = "card-02"', 'id = "card-01"')
    assert fault.place == "devices[3].id"


@pytest.mark.parametrize(
    ("before", "after", "place", "problem", "suggestion"),
    [
        (
            '"card-02", "pl',
            '"card-20", "pl',
            "patrol[0].points",
            "'card-20', which is no machine of this line",
            "card-02",
        ),
        ('"card-02", "pl', '"card-01", "pl', "patrol[0].points", "has 'card-01' twice", ""),
        ('{ id = "sound"', '{ id = "covers"', "patrol[0].items", "has 'covers' twice", ""),
        ('{ id = "sound"', '{ id = "other"', "patrol[0].items", "which every point has by itself", ""),
        ('"place:server-room"', '"place:Server Room"', "patrol[0].points[4]", "should match pattern", ""),
        ("every_min = 60", "every_min = 1", "patrol[0].every_min", "greater than or equal to 5", ""),
        ('name = "machines"', 'name = "machines"\nevry_min = 5', "patrol[0].evry_min", "is no setting", "every_min"),
    ],
)
def test_a_plan_of_rounds_that_can_not_be_walked_is_refused_with_its_place(
    folder: RunFolder, refused: Refused, before: str, after: str, place: str, problem: str, suggestion: str
) -> None:
    (fault,) = refused(before, after)
    assert (fault.place, fault.suggestion) == (place, suggestion) and problem in fault.problem
    # A fault among the items is named with the line that they begin on.
    assert fault.source == line_with(folder, "items = [" if place.endswith("items") else after.splitlines()[-1])


def test_a_round_asks_no_more_than_a_person_can_answer_and_has_a_name_of_its_own(
    folder: RunFolder, refused: Refused
) -> None:
    places = ", ".join(f'"place:rack-{number}"' for number in range(51))
    text = folder.configuration.read_text("utf-8")
    again = text[text.index("[[patrol]]") :]
    folder.configuration.write_text(text + again, "utf-8")
    long, taken = refused('"place:server-room"', places)
    assert (long.place, taken.place) == ("patrol[0].points", "patrol[1].name")
    assert "200 answers" in long.problem and "another patrol" in taken.problem


def test_a_production_device_on_an_emulators_port_is_refused(refused: Refused) -> None:
    (fault,) = refused(
        'serial = "EMU-BOOK-01"      # refused if the machine says another\nmode = "emulated"', 'serial = "B"'
    )
    assert (fault.place, fault.allowed) == ("devices[0].mode", "emulated")


def test_a_server_of_others_needs_its_address(refused: Refused) -> None:
    (fault,) = refused("own_server = true", "own_server = false")
    assert "prefect.api_url" in str(fault)


def test_the_environment_goes_before_the_file(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSLINE_TRAY_SIZE", "7")
    monkeypatch.setenv("PASSLINE_PREFECT__PORT", "4321")
    settings = read_settings(folder)
    assert (settings.tray_size, settings.prefect.port) == (7, 4321)
    assert settings.prefect.own_server


@pytest.mark.parametrize(
    ("variable", "value", "place"),
    [
        ("PASSLINE_TRAY_SISE", "7", "tray_sise"),
        ("PASSLINE_PREFECT__PROT", "7", "prefect.prot"),
        ("PASSLINE_PREFECT__PORT", "http", "prefect.port"),
        ("PASSLINE_DEVICES", "book-01", "devices"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_own_name(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, place: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        read_settings(folder)
    (fault,) = caught.value.faults
    assert (fault.source, fault.place) == (variable, place)


def test_the_programs_own_variables_are_no_settings(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSLINE_DEBUG", "1")
    assert read_settings(folder)


def test_what_is_no_toml_is_refused_with_line_and_column(folder: RunFolder) -> None:
    folder.configuration.write_text('mode = "emulated"\nspeed = fast\n', "utf-8")
    with pytest.raises(ConfigurationUnreadableError, match="at line 2, column 9"):
        read_settings(folder)


def test_a_folder_without_a_line_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunFolderMissingError) as caught:
        read_settings(RunFolder(tmp_path / "nowhere"))
    assert "passline demo --dir" in caught.value.next_step


def test_refusals_survive_pickling(folder: RunFolder, refused: Refused) -> None:
    error = SettingsError("line.toml", refused("tray_size", "tray_sise"))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    ("configured", "resolved"),
    [
        (None, "sqlite:///{folder}/passline.db"),
        ("sqlite:///other.db", "sqlite:///{folder}/other.db"),
        ("sqlite:////var/line.db", "sqlite:////var/line.db"),
        ("postgresql+psycopg://line@host/db", "postgresql+psycopg://line@host/db"),
    ],
)
def test_relative_databases_lie_in_the_run_folder(tmp_path: Path, configured: str | None, resolved: str) -> None:
    assert RunFolder(tmp_path).resolve_database(configured) == resolved.format(folder=tmp_path)


def test_quick_commands_read_the_same_database_as_the_line(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.line().database_url == folder.resolve_database(read_settings(folder).database.url)
    monkeypatch.setenv("PASSLINE_DATABASE__URL", "sqlite:///elsewhere.db")
    assert folder.line().database_url == folder.resolve_database(read_settings(folder).database.url)
    assert folder.line().database_url.endswith("/elsewhere.db")


def test_the_default_line_watches_the_air_of_its_machines(folder: RunFolder) -> None:
    (zone,) = read_settings(folder).zones
    assert (zone.name, zone.sensors) == ("core", ("air-01",))
    assert zone.machines == ("book-01", "book-02", "card-01", "card-02")
    assert zone.limits == {Figure.TEMPERATURE: (18.0, 26.0), Figure.HUMIDITY: (30.0, 65.0)}


SENSOR_ZONE = 'serial = "EMU-AIR-01"      # refused if the machine says another\nmode = "emulated"\nzone = "core"'


@pytest.mark.parametrize(
    ("before", "after", "place", "says"),
    [
        (
            "temperature_max_c = 26",
            "temperature_max_c = 17",
            "climate.core.temperature_max_c",
            "more than the least, 18",
        ),
        ("temperature_max_c = 26", "temperature_max_c = 260", "climate.core.temperature_max_c", "-40 to 85"),
        ("humidity_max_percent = 65", "humidity_max = 65", "climate.core.humidity_max", "humidity_max_percent"),
        ("grace_s = 300", "grace_s = 5", "climate.core.every_s", "no more than grace_s, 5"),
        ("every_s = 10 ", "every_s = 0 ", "climate.core.every_s", "0.1 to 600"),
        ("# iso_class = 8 ", "iso_class = 8 ", "climate.core.iso_class", "no sensor of core tells particles"),
        ("# iso_class = 8 ", "iso_class = 2 ", "climate.core.iso_class", "3 to 9"),
        ("# iso_class = 8 ", "iso_class = 8\nparticles_max_m3 = 9 ", "climate.core.particles_max_m3", "one of them"),
        ("[climate.core]", "[climate.Core]", "climate.Core", "small letters"),
        ('zone = "core"', 'zone = "cor"', "devices[0].zone", "no zone"),
        ('zone = "core"', "", "devices[0]", "names no zone"),
        (SENSOR_ZONE, SENSOR_ZONE.replace('zone = "core"', ""), "climate.core", "has no sensor"),
        (
            'port = "emulator://scale-01"',
            'port = "emulator://scale-01"\nzone = "core"',
            "devices[5].zone",
            "no climate",
        ),
    ],
)
def test_a_wrong_zone_is_refused_with_its_place(
    refused: Refused, before: str, after: str, place: str, says: str
) -> None:
    faults = refused(before, after)
    found = [str(fault) for fault in faults if fault.place.removesuffix(".[key]") == place]
    assert found and says in found[0], [str(fault) for fault in faults]
    assert found[0].startswith("line.toml:")


def test_a_zone_without_a_limit_is_refused(folder: RunFolder, refused: Refused) -> None:
    text = folder.configuration.read_text("utf-8")
    limits = text[text.index("temperature_min_c") : text.index("# iso_class")]
    (fault,) = refused(limits, "")
    assert (fault.place, fault.problem) == ("climate.core", "has no limit")


def test_a_counter_beside_the_thermohygrometer_watches_a_limit_of_particles(tmp_path: Path) -> None:
    write_default(RunFolder(tmp_path), dust=1)
    (zone,) = read_settings(RunFolder(tmp_path)).zones
    assert zone.limits[Figure.PARTICLES] == (None, 3_520_000)
    assert zone.sensors == ("air-01", "dust-01")


def test_a_limit_that_only_another_kind_of_sensor_could_watch_is_refused(refused: Refused) -> None:
    faults = refused('driver = "modbus-climate"', 'driver = "modbus-particle-counter"')
    places = [fault.place for fault in faults]
    assert places == ["climate.core.temperature_min_c", "climate.core.humidity_min_percent"]
    assert all("no sensor of core tells" in str(fault) for fault in faults)


def test_a_line_without_zones_needs_none(tmp_path: Path) -> None:
    write_default(RunFolder(tmp_path), air=0)
    assert read_settings(RunFolder(tmp_path)).zones == ()


def test_a_class_of_the_standard_is_a_number_of_particles(folder: RunFolder) -> None:
    assert ClimateSettings(iso_class=7).limits == {Figure.PARTICLES: (None, 352_000)}


OIDC = """[pages.oidc]
issuer = "https://id.centre.example/realms/staff"
client_id = "passline"
secret_file = "keys/oidc.secret"
claim = "staff_code"
address = "https://10.0.0.5:8475"
[thresholds]"""


def test_an_issuer_is_asked_for_a_code_shown_just_now(folder: RunFolder) -> None:
    folder.configuration.write_text(folder.configuration.read_text("utf-8").replace("[thresholds]", OIDC, 1), "utf-8")
    oidc = read_settings(folder).pages.oidc
    assert oidc is not None and (oidc.max_age_s, oidc.acr, oidc.amr, oidc.scopes) == (300, (), (), ())


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ('secret_file = "keys/oidc.secret"', "", "pages.oidc"),
        ('claim = "staff_code"', 'claim = "staff_code"\nsecret_environment = "OIDC_SECRET"', "pages.oidc"),
        (
            'secret_file = "keys/oidc.secret"',
            'secret_environment = "PASSLINE_SECRET"',
            "pages.oidc.secret_environment",
        ),
        ('secret_file = "keys/oidc.secret"', 'secret = "hunter2"', "pages.oidc.secret"),
        ('"https://id.centre.example/realms/staff"', '"http://id.centre.example"', "pages.oidc.issuer"),
        ('"https://id.centre.example/realms/staff"', '"https://id.centre.example/"', "pages.oidc.issuer"),
        ('"https://10.0.0.5:8475"', '"http://10.0.0.5:8475"', "pages.oidc.address"),
        ('"https://10.0.0.5:8475"', '"https://10.0.0.5:8475/pages"', "pages.oidc.address"),
        ('claim = "staff_code"', "", "pages.oidc.claim"),
        ('claim = "staff_code"', 'claim = "staff_code"\nmax_age_s = 0', "pages.oidc.max_age_s"),
    ],
)
def test_an_issuer_that_is_not_safe_to_ask_is_refused(refused: Refused, before: str, after: str, place: str) -> None:
    assert before in OIDC
    (fault,) = refused("[thresholds]", OIDC.replace(before, after, 1))
    assert fault.place == place and "hunter2" not in fault.problem


def test_a_new_lines_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """It holds the database with its password hashes, batches, and what emulated pieces bear."""
    folder = RunFolder(tmp_path / "line")
    write_default(folder)
    assert folder.path.stat().st_mode & 0o777 == 0o700
