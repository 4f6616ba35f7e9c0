"""The file of profiles: what is in it holds together, and a wrong one says path, expected and found."""

from pathlib import Path

import pytest
import yaml

from loadtests.profile import PROFILES_FILE, ProfileError, load_profiles, pick


def _changed(tmp_path: Path, change: str, to: str) -> Path:
    content = PROFILES_FILE.read_text()
    assert change in content
    file = tmp_path / "profiles.yaml"
    file.write_text(content.replace(change, to, 1))
    return file


def test_the_profiles_of_the_mission_are_there_and_each_limit_has_unit_words_and_source() -> None:
    profiles = load_profiles()

    assert {"smoke", "centre", "city"} <= set(profiles.profiles)
    for limit in profiles.limits.values():
        assert limit.unit in ("ms", "s", "ratio", "count")
        assert all((limit.da, limit.en, limit.source))
    for name in ("centre", "city"):
        limits = pick(profiles, name).limits
        assert limits["committed_p99"] == 100
        assert limits["live_board_p99"] == 1000
        assert limits["recovery"] == 10
        assert (limits["lost_messages"], limits["lost_facts"]) == (0, 0)


def test_the_sizes_are_those_of_the_documents() -> None:
    profiles = load_profiles()

    city = pick(profiles, "city").fleet
    assert (city.citizens, city.tablets) == (12_000, 1_500)
    assert city.tablets * city.visits_per_tablet >= 20_000
    assert pick(profiles, "centre").fleet.tablets == 133
    whole = pick(profiles, "fleet")
    assert whole.fleet.locks + whole.fleet.vehicles + whole.fleet.lifts == 815
    assert whole.limits["committed_p99"] == 100


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        ("tablets: 133", "tablets: many", ["profiles.centre.fleet.tablets", "valid integer", "found 'many'"]),
        ("tablets: 133", "tablet: 133", ["profiles.centre.fleet.tablet"]),
        ("committed_p99: 100", "comitted_p99: 100", ["profiles.centre.limits.comitted_p99", "expected one of"]),
        ("cut_after_s: 16", "cut_after_s: 26", ["profiles.smoke", "expected cut_after_s < back_after_s < seconds"]),
        ("kind: recovery", "kind: recovers", ["limits.recovery.measure", "recovers"]),
        ("unit: ratio", "unit: percent", ["limits.failed.unit", "found 'percent'"]),
    ],
)
def test_a_wrong_profile_is_told_with_path_expected_and_found(
    tmp_path: Path, change: str, to: str, said: list[str]
) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profiles(_changed(tmp_path, change, to))

    for part in said:
        assert part in str(caught.value)


def test_a_file_that_is_no_yaml_and_a_profile_nobody_knows_are_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("profiles: [")

    with pytest.raises(ProfileError, match="expected YAML"):
        load_profiles(broken)
    with pytest.raises(ProfileError, match="expected one of centre, city, fleet, smoke, found village"):
        pick(load_profiles(), "village")


def test_a_storm_is_needed_where_recovery_is_limited(tmp_path: Path) -> None:
    content = yaml.safe_load(PROFILES_FILE.read_text())
    del content["profiles"]["smoke"]["storm"]
    file = tmp_path / "calm.yaml"
    file.write_text(yaml.safe_dump(content))

    with pytest.raises(ProfileError, match="expected a storm"):
        load_profiles(file)
