"""What a web process says of itself: requests by route template, never by id."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import Scope

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "omsorgstid_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=REGISTRY
)
DURATION = Histogram(
    "omsorgstid_http_request_duration_seconds",
    "Time from request to answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
TRIED_AGAIN = Counter(
    "omsorgstid_http_requests_tried_again_total",
    "Requests begun again because the database gave another transaction the way.",
    registry=REGISTRY,
)
LISTENERS = Gauge("omsorgstid_stream_listeners", "Open server-sent event streams.", registry=REGISTRY)

SCREEN_CALLS = Counter("omsorgstid_screen_calls_total", "Screen visits concluded.", ["outcome"], registry=REGISTRY)
SCREEN_SETUP = Histogram(
    "omsorgstid_screen_setup_seconds",
    "From both pages in the room to the first frame, as the pages tell.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 4, 8, 16),
    registry=REGISTRY,
)
SCREEN_TROUBLE = Counter(
    "omsorgstid_screen_trouble_total",
    "Calls of which somebody said that it was hard to hear or see.",
    registry=REGISTRY,
)
SCREEN_LINKS = Counter("omsorgstid_screen_links_total", "Links redeemed or refused.", ["result"], registry=REGISTRY)
SIGNALLING_OPEN = Gauge("omsorgstid_signalling_sockets", "Open signalling sockets.", registry=REGISTRY)


class Observed:
    """One request: counted, with the time from its beginning to the start of its answer."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._began_s = time.perf_counter()
        #: as long as nothing was answered
        self.status = 500

    def end(self) -> None:
        """Count it. The route is known by now, if there is one."""
        template = getattr(self._scope.get("route"), "path", "unmatched")
        method = self._scope["method"]
        REQUESTS.labels(method, template, str(self.status)).inc()
        DURATION.labels(method, template).observe(time.perf_counter() - self._began_s)
