"""Which files of tests begin first: the longest, so that no worker is left alone with one of them at the end."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
#: seconds a file takes beside two others, on two cores; who is not named takes less than ten
LONGEST_S = {
    "gateway/test_demo_repeats.py": 130,
    "browser/test_tablet_page.py": 70,
    "loadtests/test_smoke_run.py": 65,
    "browser/test_screen_visit.py": 60,
    "browser/test_tablet_door.py": 55,
    "faults/test_crash_model.py": 45,
    "faults/test_attack.py": 40,
    "faults/test_kills.py": 35,
    "browser/test_tablet_stairwell.py": 30,
    "browser/test_tablet_all_dead.py": 30,
    "browser/test_manager_pages.py": 25,
    "browser/test_technician_pages.py": 25,
    "browser/test_vendor_door.py": 25,
    "browser/test_tablet_transfer.py": 25,
    "gateway/test_route_matrix.py": 25,
    "gateway/test_demo_days.py": 22,
    "browser/test_reassignment.py": 20,
    "browser/test_emergency.py": 20,
    "gateway/test_wiring_columns.py": 20,
    "gateway/test_wiring_jobs.py": 20,
    "gateway/test_wiring_redis.py": 18,
    "gateway/test_doors.py": 16,
    "metrics/test_honesty.py": 15,
    "browser/test_tablet_offline.py": 15,
    "gateway/test_stairwell.py": 13,
    "metrics/test_prometheus.py": 12,
    "gateway/test_day_commands.py": 12,
    "browser/test_visits_in_pages.py": 12,
}


def longest_first(items: list[pytest.Item]) -> None:
    """Put the tests of long files first; files of equal length, and tests of one file, keep their order."""
    items.sort(key=lambda item: -LONGEST_S.get(_name(item.path), 0))


def _name(file: Path) -> str:
    return file.relative_to(TESTS).as_posix() if file.is_relative_to(TESTS) else ""
