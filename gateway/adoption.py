"""How this municipality took business cases into use, read from its file: one adoption per case."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from gateway.parts import Benefits
from gateway.settings import Settings, WrongSettingError
from metrics.adoption import Adoption
from metrics.business_case import BusinessCase, load_cases
from metrics.case_check import load_own_cases
from metrics.errors import CaseFileError
from metrics.technologies import waterfall_rank


class AdoptionFile(BaseModel):
    """The file: a list of adoptions."""

    model_config = ConfigDict(extra="forbid")

    adoptions: tuple[Adoption, ...] = Field(min_length=1)


def adoption_path(settings: Settings) -> Path:
    """The file in force."""
    return settings.benefits.adoption_file or settings.work_dir / "adoption.yaml"


def load_benefits(settings: Settings) -> Benefits | None:
    """Cases and adoptions in the order of the waterfall; ``None`` where no case has been adopted yet.

    Raises
    ------
    WrongSettingError
        If the adoption file or a case of the municipality's own cannot be used, naming what is wrong in it.
    """
    cases = cases_of(settings)
    path = adoption_path(settings)
    if not path.exists():
        if settings.benefits.adoption_file is not None:
            raise WrongSettingError(f"OMSORGSTID_BENEFITS__ADOPTION_FILE: no such file, got {path}")
        return None
    try:
        file = AdoptionFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        adoptions = _by_case(file.adoptions, cases)
    except (yaml.YAMLError, ValueError) as err:
        raise WrongSettingError(f"OMSORGSTID_BENEFITS__ADOPTION_FILE: {path}: {err}") from err
    return Benefits(cases, adoptions)


def cases_of(settings: Settings) -> dict[str, BusinessCase]:
    """The cases that ship with the platform and the municipality's own.

    Raises
    ------
    WrongSettingError
        If the folder is not there or a file in it cannot be used.
    """
    folder = settings.benefits.cases_dir
    if folder is None:
        return load_cases()
    if not folder.is_dir():
        raise WrongSettingError(f"OMSORGSTID_BENEFITS__CASES_DIR: no such folder, got {folder}")
    try:
        return load_own_cases(folder)
    except CaseFileError as err:
        places = "".join(f"\n  {p.path}: expected {p.expected}, found {p.found}" for p in err.problems)
        raise WrongSettingError(f"OMSORGSTID_BENEFITS__CASES_DIR: {err}{places}") from err


def write_adoption(path: Path, *adoptions: Adoption) -> None:
    """Keep adoptions, one per case, as a file a person can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"adoptions": [adoption.model_dump(mode="json", exclude_none=True) for adoption in adoptions]}
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _by_case(adoptions: tuple[Adoption, ...], cases: Mapping[str, BusinessCase]) -> dict[str, Adoption]:
    """The adoptions by case id. Raises ``ValueError`` for a case or a unit of a document that does not exist."""
    found: dict[str, Adoption] = {}
    counted: dict[str, str] = {}
    for adoption in adoptions:
        if adoption.case_id not in cases:
            raise ValueError(f"Expected case_id to be one of {sorted(cases)}, got {adoption.case_id!r}.")
        if adoption.case_id in found:
            raise ValueError(f"Expected every case once, got {adoption.case_id!r} twice.")
        technology = cases[adoption.case_id].technology
        if technology in counted:
            # The same minutes would be held against two promises, and only one of them shown.
            both = f"{counted[technology]} and {adoption.case_id}"
            raise ValueError(f"Expected one case for {technology}, got {both}.")
        counted[technology] = adoption.case_id
        for unit in adoption.units:
            cases[adoption.case_id].document_unit(unit.document_unit)
        found[adoption.case_id] = adoption
    ordered = sorted(found.values(), key=lambda a: waterfall_rank(cases[a.case_id].technology))
    return {adoption.case_id: adoption for adoption in ordered}
