"""The page of the climate: how the air of each zone is, and was, with its limits, excursions and suspensions drawn."""

import time
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from flows.climate_chart import Chart, Point, chart, points_of, portion_us, said, times_outside
from handoff_logs.asking import Asking
from handoff_logs.pages.rendering import Renderer
from handoff_logs.reading import Reading
from stations.climate.listing import CROSSINGS, FIGURES, PORTIONS, SUSPENSIONS, ZoneStanding, standing
from stations.climate.rules import UNITS, Figure

CLIMATE: Final = "/climate"
HOURS: Final = (6, 24, 168)
"""Periods that can be chosen; the middle one is shown first."""
HOUR_US: Final = 3_600_000_000
MOST_SUSPENSIONS: Final = 100
NO_LIMITS: Final = (None, None)


@dataclass(frozen=True, slots=True)
class Shown:
    """One zone on the page."""

    zone: ZoneStanding
    charts: list[Chart]
    suspensions: list[dict[str, Any]]


class ClimatePages:
    """The page. Whoever joins it with a sign-in puts `reader` into a request's state."""

    def __init__(self, renderer: Renderer, asking: Asking) -> None:
        self._renderer, self._asking = renderer, asking

    def router(self) -> APIRouter:
        """The page's route, without a sign-in."""
        router = APIRouter()
        router.add_api_route(CLIMATE, self.climate, methods=["GET"], response_class=Response)
        return router

    def climate(self, request: Request) -> Response:
        """Show every zone over the last `hours` hours."""
        asked = request.query_params.get("hours", "")
        hours = next((each for each in HOURS if str(each) == asked), HOURS[1])
        now_us = time.time_ns() // 1_000
        with self._asking.lend() as reading:
            zones = [_shown(reading, zone, hours, now_us) for zone in standing(reading, now_us)]
        return self._renderer.page(
            request, "climate.html", zones=zones, hours=hours, periods=HOURS, now_us=now_us, units=UNITS, said=said,
            columns=[(figure.value, f"{figure}_{unit}") for figure, unit in FIGURES.items()],
        )  # fmt: skip


def _shown(reading: Reading, zone: ZoneStanding, hours: int, now_us: int) -> Shown:
    period = from_us, to_us = now_us - hours * HOUR_US, now_us
    asked: dict[str, Any] = {"zone": zone.zone, "from_us": from_us, "to_us": to_us}
    width_us = portion_us(from_us, to_us)
    rows = reading.rows(PORTIONS, **asked, width_us=width_us)
    crossings = reading.rows(CROSSINGS, **asked)
    suspensions = reading.rows(SUSPENSIONS, **asked)
    suspended = [
        (row["suspended_us"], to_us if row["resumed_us"] is None else row["resumed_us"]) for row in suspensions
    ]
    charts = []
    for figure, unit in FIGURES.items():
        traces = points_of(rows, figure, from_us, width_us)
        still = False
        for sensor in zone.sensors:
            value, outside = sensor[f"{figure}_{unit}"], sensor["outside"].split(",")
            still = still or figure in outside or Figure.SILENCE in outside
            # The minute under way is not kept yet.
            if value is not None and from_us <= sensor["looked_us"] <= to_us:
                traces.setdefault(sensor["sensor"], []).append(Point(sensor["looked_us"], value, value, value))
        if traces or figure in zone.limits:
            spans = times_outside(crossings, figure, still, period), suspended
            charts.append(chart(figure, zone.limits.get(figure, NO_LIMITS), traces, spans, period))
    return Shown(zone, charts, suspensions[::-1][:MOST_SUSPENSIONS])
