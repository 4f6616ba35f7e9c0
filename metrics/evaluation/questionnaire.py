"""Questionnaires as data: who is asked what about a technology, in which words, with which answers to choose from.

One file each in ``questionnaires/``. Answers are chosen, never written: a free text would name persons.
"""

from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from metrics.technologies import Technology, waterfall_rank

Audience = Literal["staff", "citizens"]
_FOLDER = Path(__file__).parent / "questionnaires"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Answer(_Strict):
    """One answer to choose."""

    id: str = Field(pattern=r"^[a-z0-9_]{1,32}$")
    text_da: str
    text_en: str


class Question(_Strict):
    """One question; its answers are those of the questionnaire."""

    id: str = Field(pattern=r"^[a-z0-9_]{1,32}$")
    text_da: str
    text_en: str


class Questionnaire(_Strict):
    """A questionnaire. ``version`` rises when a question or an answer changes."""

    id: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    version: int = Field(ge=1)
    technology: Technology
    audience: Audience
    title_da: str
    title_en: str
    answers: tuple[Answer, ...] = Field(min_length=2, strict=False)
    questions: tuple[Question, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _everything_once(self) -> Self:
        for name, ids in (("answer", [a.id for a in self.answers]), ("question", [q.id for q in self.questions])):
            if len(set(ids)) != len(ids):
                raise ValueError(f"Expected every {name} of {self.id} once, got {', '.join(ids)}.")
        return self


@cache
def load_questionnaires() -> dict[str, Questionnaire]:
    """Every questionnaire by id, in the order of the waterfall, staff before citizens.

    Raises
    ------
    ValueError
        If a file is no questionnaire or is not called as its id says.
    """
    found: list[Questionnaire] = []
    for path in sorted(_FOLDER.glob("*.yaml")):
        one = Questionnaire.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        if one.id != path.stem:
            raise ValueError(f"Expected {path.name} to hold the questionnaire {path.stem}, got {one.id}.")
        found.append(one)
    found.sort(key=lambda one: (waterfall_rank(one.technology), one.audience != "staff", one.id))
    return {one.id: one for one in found}
