"""The file that says which business cases are in use: one adoption per case, wrong ones refused by name."""

import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.adoption import adoption_path, load_benefits, write_adoption
from gateway.doctor import examine
from gateway.settings import BenefitSettings, Settings, WrongSettingError
from metrics.adoption import AdoptedUnit, Adoption, Comparison
from tests.gateway.demo_days import COMMAND, command_environment

PAGE = Path(__file__).parents[2] / "docs" / "extend" / "business-case.md"
PAGE_CASE = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
KEYS, SCREEN, TRANSFERS = (f"copenhagen-sof-{t}" for t in ("keys", "screen", "transfers"))


def adopted(case_id: str, document_unit: str = "Center Nord", **changes: Any) -> Adoption:
    unit = AdoptedUnit(unit_id="nord", name="Nord", document_unit=document_unit, go_live_on=date(2026, 9, 30), share=1)
    return Adoption(case_id=case_id, units=(unit,), **changes)


def run_command(work_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = command_environment(work_dir)
    return subprocess.run(
        [COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60, env=environment
    )


def settings_with(tmp_path: Path, content: Any) -> Settings:
    settings = Settings(work_dir=tmp_path)
    adoption_path(settings).write_text(yaml.safe_dump(content), encoding="utf-8")
    return settings


def test_what_was_written_is_read_again_in_the_order_of_the_waterfall(tmp_path: Path) -> None:
    settings = Settings(work_dir=tmp_path)
    keys = adopted(KEYS, owner="Leder af hjemmeplejen", comparison=Comparison(description="Center Syd venter et år"))
    screen = adopted(SCREEN)
    transfers = adopted(TRANSFERS, "Borgercenter Handicap")
    write_adoption(adoption_path(settings), transfers, keys, screen)

    benefits = load_benefits(settings)

    assert benefits is not None
    assert list(benefits.adoptions) == [SCREEN, TRANSFERS, KEYS]
    assert benefits.adoptions == {SCREEN: screen, TRANSFERS: transfers, KEYS: keys}
    assert set(benefits.adoptions) < set(benefits.cases)
    assert "null" not in adoption_path(settings).read_text(encoding="utf-8")


def test_without_a_file_nothing_is_adopted(tmp_path: Path) -> None:
    assert load_benefits(Settings(work_dir=tmp_path)) is None


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    settings = Settings(work_dir=tmp_path, benefits=BenefitSettings(adoption_file=tmp_path / "away.yaml"))
    with pytest.raises(WrongSettingError, match=r"no such file, got .*away\.yaml"):
        load_benefits(settings)


def as_data(*adoptions: Adoption) -> dict[str, Any]:
    return {"adoptions": [a.model_dump(mode="json", exclude_none=True) for a in adoptions]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (as_data(adopted("copenhagen-sof-robots")), "got 'copenhagen-sof-robots'"),
        (as_data(adopted(KEYS), adopted(KEYS)), "every case once"),
        (as_data(adopted(KEYS, "Center Syd")), "got 'Center Syd'"),
        (as_data(), "at least 1"),
        (adopted(KEYS).model_dump(mode="json"), "adoptions"),
        ([], "adoptions|valid dictionary"),
    ],
    ids=["unknown case", "a case twice", "a unit the document has not", "no case", "a bare adoption", "a list"],
)
def test_a_file_that_cannot_be_used_is_refused_and_names_what_is_wrong(tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(WrongSettingError, match=said):
        load_benefits(settings_with(tmp_path, content))


def test_the_doctor_names_every_case_in_use(tmp_path: Path) -> None:
    settings = Settings(work_dir=tmp_path)
    write_adoption(adoption_path(settings), adopted(KEYS), adopted(SCREEN))
    (found,) = [finding for finding in examine(settings) if finding.part == "benefits"]
    assert found.ok
    assert found.detail == f"{SCREEN} in 1 units, {KEYS} in 1 units"


def test_a_case_of_ones_own_is_adopted_like_any_other(tmp_path: Path) -> None:
    own = tmp_path / "cases"
    own.mkdir()
    (own / "lillestad.yaml").write_text(PAGE_CASE, encoding="utf-8")
    content = as_data(adopted("lillestad-keys", "Øst"))
    settings = settings_with(tmp_path, content)
    with pytest.raises(WrongSettingError, match="lillestad-keys"):
        load_benefits(settings)
    settings = Settings(work_dir=tmp_path, benefits=BenefitSettings(cases_dir=own))
    benefits = load_benefits(settings)
    assert benefits is not None
    assert list(benefits.adoptions) == ["lillestad-keys"]


def test_a_broken_case_of_ones_own_is_named_with_file_place_expected_and_found(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(PAGE_CASE.replace("clock: vejtid ", "clock: leveret_tid "), encoding="utf-8")
    settings = Settings(work_dir=tmp_path, benefits=BenefitSettings(cases_dir=tmp_path))
    with pytest.raises(WrongSettingError, match=r"mine\.yaml: clock: expected vejtid.*found leveret_tid"):
        load_benefits(settings)
    settings = Settings(work_dir=tmp_path, benefits=BenefitSettings(cases_dir=tmp_path / "away"))
    with pytest.raises(WrongSettingError, match="no such folder"):
        load_benefits(settings)


def test_two_cases_of_one_technology_are_not_both_in_use(tmp_path: Path) -> None:
    own = tmp_path / "cases"
    own.mkdir()
    (own / "lillestad.yaml").write_text(PAGE_CASE, encoding="utf-8")
    settings_with(tmp_path, as_data(adopted(KEYS), adopted("lillestad-keys", "Øst")))
    settings = Settings(work_dir=tmp_path, benefits=BenefitSettings(cases_dir=own))
    with pytest.raises(WrongSettingError, match="one case for keys, got copenhagen-sof-keys and lillestad-keys"):
        load_benefits(settings)


def test_the_command_names_every_fault_of_a_case_and_shows_what_a_sound_one_promises(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(PAGE_CASE, encoding="utf-8")
    sound = run_command(tmp_path, "cases", "check", str(file))
    assert (sound.returncode, sound.stderr) == (0, "")
    assert "40 carers (rest days 15) x 12 minutes per day x 0.9" in sound.stdout
    file.write_text(PAGE_CASE.replace("2028: -500}", "2028: -510}").replace("line: 50}", "line: 500}"), "utf-8")
    broken = run_command(tmp_path, "cases", "check", str(file))
    assert broken.returncode == 1
    assert "net, 2028 (line 22): expected -500, or a contradiction named, found -510" in broken.stderr
    assert "success_criteria.time: expected a line from 1 to 80, found 500" in broken.stderr
    listed = run_command(tmp_path, "cases", "list")
    assert "Fredensborg: Home care that starts from home" in listed.stdout
