"""What stands in deploy/ is accepted by the parts it is for, and names only settings and commands that exist."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli import app
from gateway.settings import PREFIX, setting_names
from tests.conftest import missing

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def commands() -> set[str]:
    return {str(c.name or c.callback.__name__).replace("_", "-") for c in app.registered_commands if c.callback}


def need(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        missing(program)
    return str(path)


def test_every_setting_compose_names_exists() -> None:
    services = compose()["services"]
    named = {v for s in services.values() for v in (s.get("environment") or {}) if v.startswith(PREFIX)}

    assert named
    assert named <= set(setting_names())


def test_every_process_of_operation_is_started_by_a_command_that_exists() -> None:
    services = compose()["services"]
    run = {s["command"][1] for s in services.values() if (s.get("command") or [""])[0] == "omsorgstid"}
    units = {re.search(r"^ExecStart=.*/omsorgstid (\S+)$", u.read_text(), re.MULTILINE) for u in UNITS}

    assert run == {"serve", "ingest", "worker", "signer", "export"} <= commands()
    assert {found.group(1) for found in units if found} == run


def test_every_file_compose_mounts_is_there_or_made_by_an_operator() -> None:
    made_by_an_operator = {"./mosquitto/passwords", "./mosquitto/certs"}
    mounts = [v.split(":")[0] for s in compose()["services"].values() for v in s.get("volumes") or []]

    files = [m for m in mounts if m.startswith("./")]
    assert files
    for name in set(files) - made_by_an_operator:
        assert (DEPLOY / name).exists(), name


def test_every_secret_compose_asks_for_is_named_in_the_example() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", (DEPLOY / "compose.yaml").read_text()))
    named = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "example.env").read_text(), re.MULTILINE))

    assert asked == named


def test_only_the_signer_sees_the_issuer_key() -> None:
    holders = [n for n, s in compose()["services"].items() if any("issuer" in v for v in s.get("volumes") or [])]

    assert holders == ["signer"]


def test_the_turn_addresses_of_the_example_are_a_list_the_settings_understand(monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"^TURN_URLS=(.*)$", (DEPLOY / "example.env").read_text(), re.MULTILINE)
    assert found
    from gateway.settings import load_settings

    monkeypatch.setenv("OMSORGSTID_VIDEO__TURN_URLS", found.group(1))

    assert {u.split(":")[0] for u in load_settings().video.turn_urls} == {"turn", "turns"}


def test_turnserver_knows_every_option_of_the_configuration() -> None:
    turnserver = need("turnserver")
    said = subprocess.run([turnserver, "-h"], capture_output=True, text=True, check=False)
    known = said.stdout + said.stderr
    lines = (DEPLOY / "coturn/turnserver.conf").read_text().splitlines()
    options = {line.split("=")[0] for line in lines if line and not line.startswith("#")}

    assert {"use-auth-secret", "denied-peer-ip", "stale-nonce"} <= options
    assert "lt-cred-mech" not in options
    assert "allow-loopback-peers" not in options
    assert {o for o in options if f"--{o}" not in known} == set()


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: str(u.name))
def test_systemd_finds_no_fault_in_a_unit(unit: Path, tmp_path: Path) -> None:
    verify = need("systemd-analyze")
    # The program is not installed where the unit expects it: another one that exists stands in for the check.
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/omsorgstid/.venv/bin/", "/usr/bin/env "))
    said = subprocess.run([verify, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)

    assert [line for line in said.stderr.splitlines() if unit.name in line] == []
    hardened = unit.read_text()
    stays = () if "Type=oneshot" in hardened else ("Restart=always",)
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "UMask=0077", "MemoryMax=", *stays):
        assert line in hardened


def test_the_file_that_is_watched_for_is_the_one_that_is_copied_to_the_broker() -> None:
    watched = re.search(r"^PathChanged=(\S+)$", (DEPLOY / "systemd/omsorgstid-acl.path").read_text(), re.MULTILINE)
    assert watched
    assert f" {watched.group(1)} " in (DEPLOY / "systemd/omsorgstid-acl.service").read_text()


def test_prometheus_takes_its_configuration_with_all_rules() -> None:
    promtool = need("promtool")
    said = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"],
        cwd=DEPLOY / "prometheus",
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stdout + said.stderr


def test_alerts_reach_the_receiver_that_is_configured() -> None:
    config = yaml.safe_load((DEPLOY / "alertmanager/alertmanager.yml").read_text())
    prometheus = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    receivers = {r["name"] for r in config["receivers"]}

    assert {config["route"]["receiver"], *(r["receiver"] for r in config["route"]["routes"])} <= receivers
    targets = [t for m in prometheus["alerting"]["alertmanagers"] for s in m["static_configs"] for t in s["targets"]]
    assert targets == ["127.0.0.1:9093"]


def test_grafana_is_given_the_dashboards_and_the_prometheus_that_are_deployed() -> None:
    provisioning = DEPLOY / "grafana/provisioning"
    source = yaml.safe_load((provisioning / "datasources/prometheus.yaml").read_text())["datasources"][0]
    folder = yaml.safe_load((provisioning / "dashboards/omsorgstid.yaml").read_text())["providers"][0]["options"][
        "path"
    ]
    mounts = compose()["services"]["grafana"]["volumes"]

    assert source["url"] == "http://127.0.0.1:9090"
    assert f"./grafana:{folder}:ro" in mounts
    assert list((DEPLOY / "grafana").glob("*.json"))
