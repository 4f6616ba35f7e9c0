"""A real Prometheus: the rules by promtool, the dashboard's queries against the real exporter."""

import json
import os
import re
import shutil
import socket
import subprocess
import time as wall
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from devices.keys.tables import LockRow
from devices.registry.tables import DeviceRow
from gateway.operation_gauges import OperationCollector
from metrics.business_case import load_cases
from metrics.catalogue import CATALOGUE
from metrics.dashboards import DASHBOARDS, PANELS
from metrics.exporter import serve_exporter
from metrics.grafana.definitions import DEFINITIONS
from metrics.grafana.managers import MANAGERS
from metrics.grafana.model import Dashboard, Panel
from metrics.grafana.technology import TECHNOLOGY
from metrics.technologies import NAMES_DA, WATERFALL
from tests.metrics.all_technologies import WholeWorld, adoptions
from tests.metrics.world import UNITS

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules" / "benefits.yml"
RULE_TESTS = sorted((Path(__file__).parent / "data").glob("*_rules_test.yml"))


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
    assert_succeeds(program("promtool"), "test", "rules", *map(str, RULE_TESTS))


def test_every_alert_is_tried_firing_and_quiet_and_every_recorded_series_is_computed() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
    tried: dict[str, set[bool]] = defaultdict(set)
    computed: set[str] = set()
    for path in RULE_TESTS:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            computed |= {one["expr"] for one in test.get("promql_expr_test", ())}
            for one in test.get("alert_rule_test", ()):
                tried[one["alertname"]].add(bool(one["exp_alerts"]))
    assert dict(tried) == {rule["alert"]: {True, False} for rule in rules if "alert" in rule}
    assert {rule["record"] for rule in rules if "record" in rule} <= computed


@pytest.mark.parametrize("one", DASHBOARDS, ids=lambda one: one.file_name)
def test_a_dashboard_file_is_what_its_source_says(one: Dashboard) -> None:
    assert (ROOT / "deploy" / "grafana" / one.file_name).read_text(encoding="utf-8") == one.as_text()


def test_every_recorded_series_of_the_dashboard_is_a_rule() -> None:
    rules = RULES.read_text(encoding="utf-8")
    asked = {q.expr.split("{")[0].split()[0] for panel in PANELS for q in panel.queries}
    recorded = {name for name in asked if ":" in name}
    assert recorded
    assert all(f"record: {name}" in rules for name in recorded)


def test_the_dashboard_has_the_waterfall_first_then_every_technology_by_name() -> None:
    titles = [row.title_da for row in MANAGERS.rows]
    assert titles[0].startswith("I alt: vandfald")
    assert [NAMES_DA[t] for t in WATERFALL] == [title.removesuffix(" (uden måltal)") for title in titles[1:5]]
    steps = MANAGERS.rows[0].panels[0].queries
    assert [query.legend.removesuffix(" {{stage}}") for query in steps] == [NAMES_DA[t] for t in WATERFALL]


def test_every_panel_says_what_its_figures_are_and_nothing_is_explained_that_is_not_served() -> None:
    recorded = set(re.findall(r"record: (\S+)", RULES.read_text(encoding="utf-8")))
    assert set(DEFINITIONS) <= {metric.name for metric in CATALOGUE} | recorded
    for one in DASHBOARDS:
        told = [panel["description"] for panel in one.as_json()["panels"] if panel["type"] != "row"]
        assert all(text.endswith(".") for text in told)
    (shares,) = [
        p for p in MANAGERS.as_json()["panels"] if p["title"] == "Nøgler og kørebog: andel af måltal pr. enhed"
    ]
    assert "nulpunktsmålingens tid" in shares["description"]
    assert "seneste afsluttede dag" in shares["description"]


@pytest.mark.parametrize("one", DASHBOARDS, ids=lambda one: one.file_name)
def test_no_panel_lies_on_another(one: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in one.as_json()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert all(x < 24 for x, _y in cells)
        taken |= cells


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
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeWorld]:
    """Three weeks of every technology, and a lock whose battery is low."""
    world = WholeWorld(tmp_path_factory.mktemp("lived"))
    world.live_three_weeks()
    now = world.clock.now()
    with world.database.writing() as session:
        session.add(
            DeviceRow(device_id="lock-1", kind="lock", tenant="t", enrolled_at=now, online=True, last_seen_at=now)
        )
        session.add(
            LockRow(lock_id="lock-1", door_id="d", public_key=b"k", chain_head=b"h", battery_mv=4_700, enrolled_at=now)
        )
    yield world
    world.close()


@pytest.fixture(scope="module")
def prometheus(lived: WholeWorld, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program("prometheus")
    server = serve_exporter(
        lived.url, 0, clock=lived.clock, cases=load_cases(), adoptions=adoptions(), beside=[OperationCollector]
    )
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), server.port)
    yield running
    running.close()
    server.close()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title_da)
def test_every_panel_gets_series_from_a_real_prometheus(panel: Panel, prometheus: Prometheus) -> None:
    for query in panel.queries:
        expr = query.expr.replace("$technology", "keys").replace("$unit", "all")
        assert prometheus.wait_for(expr), expr


def test_what_can_be_chosen_on_the_page_of_a_technology_are_labels_that_are_served(prometheus: Prometheus) -> None:
    for choice in TECHNOLOGY.choices:
        asked = re.fullmatch(r"label_values\((.+), (\w+)\)", choice.query)
        assert asked
        series = prometheus.wait_for(asked[1].replace("$technology", "keys"))
        assert choice.first in {one["metric"][asked[2]] for one in series}


@pytest.mark.parametrize("technology", WATERFALL)
def test_a_number_in_prometheus_is_the_ledgers(technology: str, lived: WholeWorld, prometheus: Prometheus) -> None:
    unit = "bakken" if technology == "transfers" else "nord"
    expr = f'omsorgstid_benefit_realised_seconds{{technology="{technology}",estimate="p50",unit="{unit}"}}'
    (series,) = prometheus.wait_for(expr)
    row = next(r for r in lived.rows() if r.technology == technology and r.unit_id == unit)
    assert float(series["value"][1]) == row.p50_s
    assert row.p50_s == pytest.approx(row.realised_s, rel=0.02)


def test_the_recorded_share_is_realised_over_target(lived: WholeWorld, prometheus: Prometheus) -> None:
    name = 'technology_unit:omsorgstid_benefit_realised_per_target:ratio{technology="screen"}'
    series = {s["metric"]["unit"]: float(s["value"][1]) for s in prometheus.wait_for(name)}
    assert set(series) == {*UNITS, "all"}
    total = next(r for r in lived.rows() if r.technology == "screen" and r.unit_id is None)
    assert series["all"] == pytest.approx((total.p50_s or 0) / total.target_s)


def test_the_low_battery_and_the_screen_visits_of_the_day_come_through(prometheus: Prometheus) -> None:
    (battery,) = prometheus.wait_for('omsorgstid_lock_batteries{level="low"}')
    assert float(battery["value"][1]) == 1
    (held,) = prometheus.wait_for('omsorgstid_screen_visits_last_day{outcome="completed"} > 0')
    assert float(held["value"][1]) == 1
    (failed,) = prometheus.wait_for("municipality:omsorgstid_screen_visits_failed_per_ended:ratio")
    assert float(failed["value"][1]) == 0
