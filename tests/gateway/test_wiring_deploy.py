"""What is deployed beside the program agrees with it: ports, help texts, pages that messages point to, gauges."""

import http.client
import re
from pathlib import Path

import pytest
import yaml

from gateway import cli
from gateway.settings import Settings
from tests.gateway.platform import Platform, eventually

ROOT = Path(__file__).resolve().parents[2]


def _gauge(platform: Platform, name: str) -> float:
    content = platform.stranger().get("/metrics").content.decode()
    found = re.search(rf"^{name} (\S+)$", content, re.MULTILINE)
    assert found, content
    return float(found.group(1))


@pytest.mark.parametrize(
    ("job", "port"),
    [
        ("omsorgstid-benefits", Settings().benefits.exporter_port),
        ("omsorgstid-gateway", Settings().http.port),
    ],
)
def test_prometheus_scrapes_the_ports_the_program_listens_on_by_itself(job: str, port: int) -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())

    scraped = {each["job_name"]: each["static_configs"][0]["targets"] for each in config["scrape_configs"]}

    assert scraped[job] == [f"127.0.0.1:{port}"]


def test_the_help_of_make_serve_says_what_the_command_does_and_names_no_other_process() -> None:
    help_text = re.search(r"^serve:.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert help_text

    assert cli.serve.__doc__
    assert "pages, API, event streams" in cli.serve.__doc__
    assert "pages, API, event streams" in help_text.group(1)
    assert not re.search(r"\b(ingest|worker|signer)\b", help_text.group(1))


@pytest.mark.parametrize("source", ["gateway/cli.py", "gateway/doctor.py"])
def test_who_is_told_to_adopt_a_case_is_sent_to_the_page_that_shows_the_file(source: str) -> None:
    pages = re.findall(r"adopt\w* .*\((docs/[\w.-]+\.md)\)", (ROOT / source).read_text())

    assert pages
    for page in pages:
        content = (ROOT / page).read_text()
        assert "`adoption.yaml` in the work directory" in content
        assert "case_id:" in content


def test_the_listeners_gauge_counts_the_open_streams(office: Platform) -> None:
    quiet = _gauge(office, "omsorgstid_stream_listeners")

    planner = office.signed_in("planner")
    cookies = "; ".join(f"{name}={value}" for name, value in planner.cookies.items())
    page = http.client.HTTPConnection("127.0.0.1", office.port, timeout=20)
    page.request("GET", "/api/v1/stream", headers={"Cookie": cookies, "X-Surface": "planner"})
    stream = page.getresponse()
    assert stream.readline() == b"event: hello\n"

    assert _gauge(office, "omsorgstid_stream_listeners") == quiet + 1
    stream.close()
    page.close()
    assert eventually(lambda: _gauge(office, "omsorgstid_stream_listeners") == quiet)
