"""Settings: the environment is read in one place; what is wrong stops the start and is named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.settings import PREFIX, setting_names

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "settings.md"


def _load(**variables: str) -> subprocess.CompletedProcess[str]:
    """Load the settings in a process of their own, with only these variables of ours."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    program = "from gateway.settings import load_settings; print(load_settings().model_dump_json())"
    return subprocess.run(
        [sys.executable, "-c", program],
        env=clean | {f"{PREFIX}{name}": value for name, value in variables.items()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_any_variable_everything_is_embedded() -> None:
    loaded = _load()

    assert loaded.returncode == 0, loaded.stderr
    assert '"demo":false' in loaded.stdout
    assert '"redis_url":""' in loaded.stdout


def test_what_is_set_is_what_is_used_and_tests_may_have_variables_of_their_own() -> None:
    loaded = _load(MQTT__HOST="broker.example", DEMO="true", HTTP__PORT="0", TEST_POSTGRES_URL="x")

    assert loaded.returncode == 0, loaded.stderr
    assert '"host":"broker.example"' in loaded.stdout
    assert '"demo":true' in loaded.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MQTT__PORT", "65536"),
        ("MQTT__PORT", "broker"),
        ("MQTT__BROKER", "amqtt"),
        ("MQTT__TENANT", "Store Bøvl"),
        ("DEMO", "perhaps"),
        ("LANGUAGE", "de"),
        ("DATABASE__URL", "mysql://localhost/x"),
        ("SIGNER__PER_CARER_HOUR", "0"),
        ("HTTP__SECURE_COOKIES", "2"),
    ],
)
def test_a_wrong_value_stops_the_start_and_is_named(name: str, value: str) -> None:
    loaded = _load(**{name: value})

    assert loaded.returncode != 0
    assert f"{PREFIX}{name}: " in loaded.stderr


@pytest.mark.parametrize("name", ["DATABSE__URL", "MQTT__HOSTT", "MQTT", "HTTP__PORT__X", "WORKDIR"])
def test_a_name_that_is_no_setting_stops_the_start_and_is_named(name: str) -> None:
    loaded = _load(**{name: "x"})

    assert loaded.returncode != 0
    assert f"{PREFIX}{name}" in loaded.stderr


def test_everything_wrong_is_told_at_once() -> None:
    loaded = _load(MQTT__PORT="-1", DEMO="perhaps", TYPO="1")

    assert loaded.returncode != 0
    for name in ("MQTT__PORT", "DEMO", "TYPO"):
        assert f"{PREFIX}{name}: " in loaded.stderr


def test_a_password_in_a_wrong_setting_is_not_printed() -> None:
    loaded = _load(DATABASE__URL="postgres://omsorg:hunter2@db/x")

    assert f"{PREFIX}DATABASE__URL: " in loaded.stderr
    assert "hunter2" not in loaded.stderr + loaded.stdout


def test_every_setting_has_a_description_and_a_row_on_the_page() -> None:
    names = setting_names()
    page = PAGE.read_text(encoding="utf-8")
    documented = {line.split("`")[1] for line in page.splitlines() if line.startswith(f"| `{PREFIX}")}

    assert all(names.values())
    assert documented == set(names)
    for name, description in names.items():
        assert any(f"| `{name}` |" in line and description in line for line in page.splitlines()), name


def test_doctor_names_a_wrong_setting_too() -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(PREFIX)}
    done = subprocess.run(
        [sys.executable, "-c", "from gateway.cli import main; main()", "doctor"],
        env=clean | {f"{PREFIX}MQTT__PORT": "no"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode != 0
    assert f"{PREFIX}MQTT__PORT" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
