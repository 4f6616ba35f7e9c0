"""What can be wrong with a pattern or a day that is to be generated."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class PatternError(DomainError):
    """Errors of weekly patterns."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "pattern_unknown": ErrorText(
            ErrorKind.NOT_FOUND,
            "Besøget findes ikke i grundplanen, eller det er allerede stoppet. Se listen igen.",
            "The visit is not in the weekly plan, or it has ended already. Look at the list again.",
        ),
        "pattern_wrong": ErrorText(
            ErrorKind.INVALID,
            "{field}: der skal stå {expected}, men der står {found}. Ret det, og gem igen.",
            "{field}: expected {expected_en}, found {found}. Correct it and save again.",
        ),
        "pattern_in_past": ErrorText(
            ErrorKind.INVALID,
            "En ændring i grundplanen kan tidligst gælde fra i morgen ({earliest}). Dagen i dag ændres på tavlen.",
            "A change of the weekly plan holds from tomorrow ({earliest}) at the earliest. Change today on the board.",
        ),
        "pattern_citizen_unknown": ErrorText(
            ErrorKind.NOT_FOUND,
            "Der er ingen borger med nummer {found} i enheden. Tjek nummeret.",
            "There is no citizen with number {found} in the unit. Check the number.",
        ),
        "day_over": ErrorText(
            ErrorKind.INVALID,
            "Dagen {day} er forbi og kan ikke laves igen. Vælg i dag eller senere.",
            "The day {day} is over and cannot be generated again. Choose today or later.",
        ),
        "unit_not_there": ErrorText(
            ErrorKind.INVALID,
            "Enheden {unit} findes ikke den {day}, eller den er ikke en hjemmeplejeenhed.",
            "The unit {unit} does not exist on {day}, or it is no home-care unit.",
        ),
    }
