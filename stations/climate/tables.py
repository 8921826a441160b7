"""The tables of the climate: zones and sensors as last seen, readings, crossings, suspensions.

Readings and crossings are append-only for 400 days, a suspension is ended once, by whoever may; migrations add the
guards, and the one on `job` that lets no machine of a suspended zone draw. Times are integer microseconds UTC.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, Column, Float, ForeignKey, Index, Integer, String, text
from sqlmodel import Field, SQLModel

from stations.climate.rules import Figure


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _spread(figure: str, unit: str) -> CheckConstraint:
    """All three or none, in order."""
    low, high, mean = (f"{figure}_{name}_{unit}" for name in ("min", "max", "mean"))
    return CheckConstraint(
        f"({low} IS NULL) = ({high} IS NULL) AND ({low} IS NULL) = ({mean} IS NULL)"
        f" AND ({low} IS NULL OR {low} <= {high})",
        name=f"ck_climate_reading_{figure}",
    )


class ClimateZone(SQLModel, table=True):
    """A zone as it was last looked at; `limits` is JSON, what lies within them by figure.

    `looked_us`: when the watch last was there, whatever the sensors said; a look holds for `holds_us`, and without one
    nothing is drawn. `out_since_us`: since when its air is outside; `accepted_until_us`: two people accepted that.
    """

    __tablename__ = "climate_zone"
    __table_args__ = (
        CheckConstraint("holds_us > 0", name="ck_climate_zone_holds"),
        CheckConstraint("accepted_until_us IS NULL OR out_since_us IS NOT NULL", name="ck_climate_zone_accepted"),
    )

    zone: str = Field(sa_column=Column(String(40), primary_key=True))
    limits: str = Field(sa_column=Column(String(400), nullable=False))
    grace_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    holds_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    looked_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    out_since_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    accepted_until_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    emulated: bool


class ClimateMachine(SQLModel, table=True):
    """Which zone a machine stands in; it stays there while the zone is suspended."""

    __tablename__ = "climate_machine"

    machine: str = Field(sa_column=Column(String(40), primary_key=True))
    zone: str = Field(sa_column=Column(String(40), ForeignKey("climate_zone.zone"), nullable=False, index=True))


class ClimateSensor(SQLModel, table=True):
    """What a sensor told last, or the error that it did not; `outside` names the figures that are, by commas."""

    __tablename__ = "climate_sensor"
    __table_args__ = (
        CheckConstraint(
            "(failure IS NULL) = (temperature_c IS NOT NULL OR humidity_percent IS NOT NULL"
            " OR particles_m3 IS NOT NULL)",
            name="ck_climate_sensor_told",
        ),
    )

    sensor: str = Field(sa_column=Column(String(40), primary_key=True))
    zone: str = Field(sa_column=Column(String(40), ForeignKey("climate_zone.zone"), nullable=False))
    looked_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    temperature_c: float | None = Field(default=None, sa_column=Column(Float))
    humidity_percent: float | None = Field(default=None, sa_column=Column(Float))
    particles_m3: float | None = Field(default=None, sa_column=Column(Float))
    failure: str | None = Field(default=None, sa_column=Column(String(60)))
    outside: str = Field(sa_column=Column(String(60), nullable=False))
    emulated: bool


class ClimateReading(SQLModel, table=True):
    """One sensor's minute from `began_us` on: how often it was asked and silent; each figure's spread."""

    __tablename__ = "climate_reading"
    __table_args__ = (
        CheckConstraint("looks >= 1 AND silent >= 0 AND silent <= looks", name="ck_climate_reading_looks"),
        _spread("temperature", "c"),
        _spread("humidity", "percent"),
        _spread("particles", "m3"),
        CheckConstraint(
            "(temperature_min_c IS NULL AND humidity_min_percent IS NULL AND particles_min_m3 IS NULL)"
            " = (silent = looks)",
            name="ck_climate_reading_silent",
        ),
        Index("ix_climate_reading_zone", "zone", "began_us"),
    )

    sensor: str = Field(sa_column=Column(String(40), primary_key=True))
    began_us: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    zone: str = Field(sa_column=Column(String(40), nullable=False))
    looks: int = Field(sa_column=Column(Integer, nullable=False))
    silent: int = Field(sa_column=Column(Integer, nullable=False))
    temperature_min_c: float | None = Field(default=None, sa_column=Column(Float))
    temperature_max_c: float | None = Field(default=None, sa_column=Column(Float))
    temperature_mean_c: float | None = Field(default=None, sa_column=Column(Float))
    humidity_min_percent: float | None = Field(default=None, sa_column=Column(Float))
    humidity_max_percent: float | None = Field(default=None, sa_column=Column(Float))
    humidity_mean_percent: float | None = Field(default=None, sa_column=Column(Float))
    particles_min_m3: float | None = Field(default=None, sa_column=Column(Float))
    particles_max_m3: float | None = Field(default=None, sa_column=Column(Float))
    particles_mean_m3: float | None = Field(default=None, sa_column=Column(Float))
    emulated: bool


class ClimateCrossing(SQLModel, table=True):
    """One figure of one sensor crossed its limit, outwards or back; silence has no value."""

    __tablename__ = "climate_crossing"
    __table_args__ = (
        CheckConstraint(_one_of("figure", Figure), name="ck_climate_crossing_figure"),
        Index("ix_climate_crossing_zone", "zone", "at_us"),
    )

    crossing_id: str = Field(sa_column=Column(String(32), primary_key=True))
    zone: str = Field(sa_column=Column(String(40), nullable=False))
    sensor: str = Field(sa_column=Column(String(40), nullable=False))
    figure: str = Field(sa_column=Column(String(12), nullable=False))
    outwards: bool
    value: float | None = Field(default=None, sa_column=Column(Float))
    at_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    emulated: bool


class ClimateSuspension(SQLModel, table=True):
    """A zone's suspension: what was outside since when, and who ended it why. At most one of a zone is open.

    `accepted_until_us`: it was ended while the air was outside, by two people, who accept it until then.
    """

    __tablename__ = "climate_suspension"
    __table_args__ = (
        Index(
            "uq_climate_suspension_open",
            "zone",
            unique=True,
            sqlite_where=text("resumed_us IS NULL"),
            postgresql_where=text("resumed_us IS NULL"),
        ),
        Index("ix_climate_suspension_zone", "zone", "suspended_us"),
        CheckConstraint(_one_of("figure", Figure), name="ck_climate_suspension_figure"),
        CheckConstraint("out_since_us <= suspended_us", name="ck_climate_suspension_since"),
        CheckConstraint("resumed_us IS NULL OR resumed_us >= suspended_us", name="ck_climate_suspension_resumed"),
        CheckConstraint(
            "(resumed_us IS NULL) = (resumed_by IS NULL) AND (resumed_us IS NULL) = (sign_in IS NULL)"
            " AND (resumed_us IS NULL) = (reason IS NULL)",
            name="ck_climate_suspension_signed",
        ),
        CheckConstraint(
            "(accepted_until_us IS NULL) = (resumed_second IS NULL)"
            " AND (resumed_second IS NULL) = (second_sign_in IS NULL)"
            " AND (resumed_second IS NULL OR resumed_second <> resumed_by)"
            " AND (accepted_until_us IS NULL OR (accepted_until_us > resumed_us"
            " AND accepted_until_us <= resumed_us + 43200000000))",
            name="ck_climate_suspension_two",
        ),
    )

    suspension_id: str = Field(sa_column=Column(String(32), primary_key=True))
    zone: str = Field(sa_column=Column(String(40), ForeignKey("climate_zone.zone"), nullable=False))
    sensor: str = Field(sa_column=Column(String(40), nullable=False))
    figure: str = Field(sa_column=Column(String(12), nullable=False))
    value: float | None = Field(default=None, sa_column=Column(Float))
    out_since_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    suspended_us: int = Field(sa_column=Column(BigInteger, nullable=False))
    resumed_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    resumed_by: str | None = Field(default=None, sa_column=Column(String(10), ForeignKey("person.code")))
    sign_in: str | None = Field(default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id")))
    resumed_second: str | None = Field(default=None, sa_column=Column(String(10), ForeignKey("person.code")))
    second_sign_in: str | None = Field(
        default=None, sa_column=Column(String(32), ForeignKey("sign_in_attempt.attempt_id"))
    )
    reason: str | None = Field(default=None, sa_column=Column(String(40)))
    accepted_until_us: int | None = Field(default=None, sa_column=Column(BigInteger))
    emulated: bool
