"""Errors people and programs can act on: a stable code, facts, and a sentence in Danish and English.

The code is the contract; the texts live beside it so that no error can exist without words. The gateway maps
a code's *kind* to HTTP; domains never know about HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """What the caller can do about it."""

    INVALID = "invalid"  # the input is wrong: correct it
    FORBIDDEN = "forbidden"  # not yours to do
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"  # the state does not allow it
    STALE = "stale"  # somebody changed it first: look again
    UNAVAILABLE = "unavailable"  # a part is away: try again


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The two sentences of a code. ``{name}`` is filled from the error's facts."""

    kind: ErrorKind
    da: str
    en: str


class DomainError(Exception):
    """Base of every error a person may meet. Subclasses declare ``texts``: code to :class:`ErrorText`."""

    texts: ClassVar[Mapping[str, ErrorText]] = {}
    _catalogue: ClassVar[dict[str, ErrorText]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for code, text in cls.texts.items():
            known = DomainError._catalogue.get(code)
            if known is not None and known != text:
                raise ValueError(f"Expected one meaning per error code, got two for {code!r}.")
            DomainError._catalogue[code] = text

    def __init__(self, code: str, **facts: object) -> None:
        if code not in self._catalogue:
            raise ValueError(f"Expected a declared error code, got {code!r}.")
        super().__init__(code)
        self.code = code
        self.facts = facts

    @property
    def kind(self) -> ErrorKind:
        """What the caller can do about it."""
        return self._catalogue[self.code].kind

    def text(self, language: str = "da") -> str:
        """The sentence for a person, ``da`` or ``en``."""
        entry = self._catalogue[self.code]
        template = entry.da if language == "da" else entry.en
        return template.format_map(_Facts(self.facts))

    def __str__(self) -> str:
        return f"{self.code}: {self.text('en')}"

    @staticmethod
    def catalogue() -> Mapping[str, ErrorText]:
        """Every declared code with its texts, for documentation and tests."""
        return dict(DomainError._catalogue)


class _Facts(dict[str, object]):
    """Formats a missing fact as ``?`` instead of hiding the sentence behind a KeyError."""

    def __missing__(self, key: str) -> str:
        return "?"


class KernelError(DomainError):
    """Errors that belong to no domain."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "not_found": ErrorText(ErrorKind.NOT_FOUND, "{what} findes ikke.", "{what} does not exist."),
        "stale_version": ErrorText(
            ErrorKind.STALE,
            "{what} er ændret af en anden. Se ændringen, før du gemmer igen.",
            "{what} was changed by somebody else. Look at the change before you save again.",
        ),
        "database_busy": ErrorText(
            ErrorKind.UNAVAILABLE,
            "Systemet har travlt lige nu. Prøv igen om lidt.",
            "The system is busy right now. Try again in a moment.",
        ),
        "job_not_cancellable": ErrorText(
            ErrorKind.CONFLICT,
            "Jobbet er allerede afsluttet og kan ikke stoppes.",
            "The job has ended and cannot be stopped.",
        ),
    }
