"""The file that says which business cases are in use: one adoption per case, wrong ones refused by name."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.adoption import adoption_path, load_benefits, write_adoption
from gateway.doctor import examine
from gateway.settings import BenefitSettings, Settings, WrongSettingError
from metrics.adoption import AdoptedUnit, Adoption, Comparison

KEYS, SCREEN, TRANSFERS = (f"copenhagen-sof-{t}" for t in ("keys", "screen", "transfers"))


def adopted(case_id: str, document_unit: str = "Center Nord", **changes: Any) -> Adoption:
    unit = AdoptedUnit(unit_id="nord", name="Nord", document_unit=document_unit, go_live_on=date(2026, 9, 30), share=1)
    return Adoption(case_id=case_id, units=(unit,), **changes)


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
