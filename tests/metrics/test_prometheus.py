"""A real Prometheus: the rules by promtool, the dashboard's queries against the real exporter."""

import json
import os
import shutil
import socket
import subprocess
import time as wall
from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from kernel.localtime import at_local
from metrics.business_case import load_cases
from metrics.dashboards import FILE_NAME, PANELS, dashboard_text
from metrics.exporter import serve_exporter
from tests.metrics.world import GO_LIVE_ON, UNITS, World, adoption, plain_shift

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules" / "benefits.yml"
LAST_ON = GO_LIVE_ON + timedelta(days=9)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not installed (Debian package prometheus): the rules were NOT checked"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def assert_succeeds(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_and_the_configuration_are_well_formed() -> None:
    promtool = program("promtool")
    for arguments in (("rules", str(RULES)), ("config", str(RULES.parents[1] / "prometheus.yml"))):
        assert_succeeds(promtool, "check", *arguments)


def test_the_alerts_fire_when_they_should_and_stay_quiet_when_not() -> None:
    tests = Path(__file__).parent / "data" / "benefits_rules_test.yml"
    assert_succeeds(program("promtool"), "test", "rules", str(tests))


def test_the_dashboard_file_is_what_its_source_says() -> None:
    assert (ROOT / "deploy" / "grafana" / FILE_NAME).read_text(encoding="utf-8") == dashboard_text()


def test_every_recorded_series_of_the_dashboard_is_a_rule() -> None:
    rules = RULES.read_text(encoding="utf-8")
    recorded = {q.expr for panel in PANELS for q in panel.queries if q.expr.startswith("technology")}
    assert recorded
    assert all(f"record: {name}" in rules for name in recorded)


class Prometheus:
    """A Prometheus of this test on a free port."""

    def __init__(self, folder: Path, exporter_port: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [
                {
                    "job_name": "benefits",
                    "static_configs": [{"targets": [f"127.0.0.1:{exporter_port}"]}],
                }
            ],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            [
                program("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=warn",
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The instant vector of an expression; empty while Prometheus is still starting."""
        url = f"http://127.0.0.1:{self._port}/api/v1/query?{urlencode({'query': expr})}"
        try:
            with urlopen(url, timeout=5) as answer:
                return list(json.load(answer)["data"]["result"])
        except URLError:
            return []

    def wait_for(self, expr: str, timeout_s: float = 40) -> list[dict[str, Any]]:
        """The vector of an expression as soon as it is not empty."""
        deadline_s = wall.monotonic() + timeout_s
        while wall.monotonic() < deadline_s:
            assert self._process.poll() is None, "Prometheus ended"
            if found := self.query(expr):
                return found
            wall.sleep(0.2)
        return []

    def close(self) -> None:
        """Stop this Prometheus and wait for it."""
        self._process.terminate()
        self._process.wait(timeout=20)
        self._log.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("lived"))
    world.measure()
    world.live(
        *(
            plain_shift(f"{unit}-{n}", GO_LIVE_ON + timedelta(days=day), unit, head_min=4 + n % 5)
            for day in range(10)
            for unit in UNITS
            for n in range(16)
        )
    )
    world.fold()
    world.clock.advance_to(at_local(LAST_ON + timedelta(days=1), time(12)))
    yield world
    world.close()


@pytest.fixture(scope="module")
def prometheus(lived: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program("prometheus")
    server = serve_exporter(lived.url, 0, clock=lived.clock, cases=load_cases(), adoption=adoption())
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), server.port)
    yield running
    running.close()
    server.close()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title_da)
def test_every_panel_gets_series_from_a_real_prometheus(panel: Any, prometheus: Prometheus) -> None:
    for query in panel.queries:
        assert prometheus.wait_for(query.expr), query.expr


def test_a_number_in_prometheus_is_the_ledgers(lived: World, prometheus: Prometheus) -> None:
    expr = 'omsorgstid_benefit_realised_seconds{estimate="p50",unit="nord"}'
    (series,) = prometheus.wait_for(expr)
    row = lived.report(GO_LIVE_ON, LAST_ON)[0]
    entries = [e for e in lived.entries() if e.unit_id == "nord"]
    assert float(series["value"][1]) == row.p50_s
    assert row.realised_s == sum(e.net_s or 0 for e in entries)
    assert row.p50_s == pytest.approx(row.realised_s, rel=0.02)


def test_the_recorded_share_is_realised_over_target(lived: World, prometheus: Prometheus) -> None:
    name = "technology_unit:omsorgstid_benefit_realised_per_target:ratio"
    series = {s["metric"]["unit"]: float(s["value"][1]) for s in prometheus.wait_for(name)}
    assert set(series) == {*UNITS, "all"}
    total = lived.report(GO_LIVE_ON, LAST_ON)[-1]
    assert series["all"] == pytest.approx((total.p50_s or 0) / total.target_s)
