"""How this municipality took a business case into use, read from its file."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from gateway.parts import Benefits
from gateway.settings import Settings, WrongSettingError
from metrics.business_case import load_cases
from metrics.targets import Adoption


def adoption_path(settings: Settings) -> Path:
    """The file in force."""
    return settings.benefits.adoption_file or settings.work_dir / "adoption.yaml"


def load_benefits(settings: Settings) -> Benefits | None:
    """Cases and adoption; ``None`` where no case has been adopted yet.

    Raises
    ------
    WrongSettingError
        If the adoption file cannot be used, naming what is wrong in it.
    """
    path = adoption_path(settings)
    if not path.exists():
        if settings.benefits.adoption_file is not None:
            raise WrongSettingError(f"OMSORGSTID_BENEFITS__ADOPTION_FILE: no such file, got {path}")
        return None
    try:
        adoption = Adoption.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as err:
        raise WrongSettingError(f"OMSORGSTID_BENEFITS__ADOPTION_FILE: {path}: {err}") from err
    return Benefits(load_cases(), adoption)


def write_adoption(path: Path, adoption: Adoption) -> None:
    """Keep an adoption as a file a person can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(adoption.model_dump(mode="json"), allow_unicode=True, sort_keys=False)
    path.write_text(text, encoding="utf-8")
