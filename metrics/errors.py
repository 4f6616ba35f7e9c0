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
        "rule_unknown": ErrorText(
            ErrorKind.INVALID,
            "Der er ingen regel {rule} her. Vælg en af {known}.",
            "There is no rule {rule} here. Choose one of {known}.",
        ),
        "comment_length": ErrorText(
            ErrorKind.INVALID,
            "Skriv mellem {minimum} og {maximum} tegn; der står {found}.",
            "Write between {minimum} and {maximum} characters; there are {found}.",
        ),
        "comment_names_somebody": ErrorText(
            ErrorKind.INVALID,
            "Bemærkningen ligner et CPR-nummer. Skriv om tallene og ikke om enkelte personer.",
            "The comment looks like a CPR number. Write about the figures and not about single persons.",
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
    """One thing wrong in a file: where, what was expected, what stood there; in Danish too where a page shows it."""

    path: str
    expected: str
    found: str
    path_da: str | None = None
    expected_da: str | None = None

    def said(self, language: str) -> tuple[str, str, str]:
        """Where, expected and found in a language; in English where there is no Danish."""
        if language != "da":
            return self.path, self.expected, self.found
        return self.path_da or self.path, self.expected_da or self.expected, self.found


class TimeStudyError(DomainError):
    """A time study that cannot be taken in. ``problems`` names every place; nothing was imported."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "time_study_invalid": ErrorText(
            ErrorKind.INVALID,
            "Tidsmålingen har {count} fejl, og intet er indlæst. Ret først {path_da}: forventet {expected_da},"
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
            path_da=first.said("da")[0],
            expected_da=first.said("da")[1],
        )
        self.problems = tuple(problems)


class CaseFileError(DomainError):
    """A business case that cannot be used. ``problems`` names every place; nothing was taken in."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "case_file_invalid": ErrorText(
            ErrorKind.INVALID,
            "Business casen har {count} mangler og bruges ikke. Ret først {path}: forventet {expected},"
            " fundet {found}.",
            "The business case has {count} faults and is not used. Correct {path} first: expected"
            " {expected}, found {found}.",
        ),
    }

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("Expected at least one problem, got none.")
        first = problems[0]
        super().__init__(
            "case_file_invalid",
            count=len(problems),
            path=first.path,
            expected=first.expected,
            found=first.found,
        )
        self.problems = tuple(problems)


class EvaluationFileError(DomainError):
    """A file of counted answers that cannot be taken in. ``problems`` names every place; nothing was imported."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "evaluation_file_invalid": ErrorText(
            ErrorKind.INVALID,
            "Filen med svar har {count} fejl, og intet er indlæst. Ret først {path_da}: forventet {expected_da},"
            " fundet {found}.",
            "The file of answers has {count} errors and nothing was imported. Correct {path} first: expected"
            " {expected}, found {found}.",
        ),
    }

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("Expected at least one problem, got none.")
        first = problems[0]
        super().__init__(
            "evaluation_file_invalid",
            count=len(problems),
            path=first.path,
            expected=first.expected,
            found=first.found,
            path_da=first.said("da")[0],
            expected_da=first.said("da")[1],
        )
        self.problems = tuple(problems)
