"""Errors of the benefit side that a person may meet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class BenefitError(DomainError):
    """What can go wrong when benefits are measured, closed or looked into."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "time_study_already_imported": ErrorText(
            ErrorKind.CONFLICT,
            "Tidsmålingen er allerede indlæst {imported_on}. Intet er ændret.",
            "This time study was imported already on {imported_on}. Nothing was changed.",
        ),
        "month_not_over": ErrorText(
            ErrorKind.CONFLICT,
            "{month} er ikke slut endnu. Luk måneden, når den er forbi.",
            "{month} is not over yet. Close the month when it has ended.",
        ),
        "month_already_closed": ErrorText(
            ErrorKind.CONFLICT,
            "{month} er allerede lukket. Ændringer vises som rettelser.",
            "{month} is closed already. Changes are shown as corrections.",
        ),
        "walk_purpose_missing": ErrorText(
            ErrorKind.INVALID,
            "Skriv, hvad du skal bruge oplysningerne til (mindst {minimum} tegn).",
            "Say what you need the information for (at least {minimum} characters).",
        ),
        "walk_not_permitted": ErrorText(
            ErrorKind.FORBIDDEN,
            "Kun gevinstejer og revisor kan gå fra et tal til grundlaget.",
            "Only the benefit owner and the auditor may go from a figure to what it rests on.",
        ),
        "benefit_entry_not_found": ErrorText(
            ErrorKind.NOT_FOUND,
            "Posten {entry_id} findes ikke i gevinstregnskabet.",
            "Entry {entry_id} does not exist in the benefit ledger.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where, what was expected, what stood there."""

    path: str
    expected: str
    found: str


class TimeStudyError(DomainError):
    """A time study that cannot be taken in. ``problems`` names every place; nothing was imported."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "time_study_invalid": ErrorText(
            ErrorKind.INVALID,
            "Tidsmålingen har {count} fejl, og intet er indlæst. Ret først {path}: forventet {expected},"
            " fundet {found}.",
            "The time study has {count} errors and nothing was imported. Correct {path} first: expected"
            " {expected}, found {found}.",
        ),
    }

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("Expected at least one problem, got none.")
        first = problems[0]
        super().__init__(
            "time_study_invalid",
            count=len(problems),
            path=first.path,
            expected=first.expected,
            found=first.found,
        )
        self.problems = tuple(problems)
