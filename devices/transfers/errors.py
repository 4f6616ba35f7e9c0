"""What a carer can do wrong at a lift, said so that she knows what to do."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class TransferError(DomainError):
    """Errors of presence and of the question."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "transfer_answered": ErrorText(
            ErrorKind.CONFLICT,
            "En kollega på vagten har allerede svaret kl. {clock} (medarbejdere: {carers}). Du skal ikke gøre mere.",
            "A colleague on the shift already answered at {clock} (carers: {carers}). There is nothing more to do.",
        ),
        "transfer_answered_by_you": ErrorText(
            ErrorKind.CONFLICT,
            "Du har allerede svaret kl. {clock} (medarbejdere: {carers}). Er det forkert, så ring til planlæggeren.",
            "You already answered at {clock} (carers: {carers}). If that is wrong, call the planner.",
        ),
        "transfer_told_by_badge": ErrorText(
            ErrorKind.CONFLICT,
            "Brikkerne ved udstyret har allerede fortalt det (medarbejdere: {carers}). Du skal ikke gøre mere.",
            "The badges at the device have told it already (carers: {carers}). There is nothing more to do.",
        ),
        "transfer_told_by_tablet": ErrorText(
            ErrorKind.CONFLICT,
            "Tabletterne ved udstyret har allerede fortalt det (medarbejdere: {carers}). Du skal ikke gøre mere.",
            "The tablets at the device have told it already (carers: {carers}). There is nothing more to do.",
        ),
        "transfer_not_asked": ErrorText(
            ErrorKind.FORBIDDEN,
            "Du er ikke spurgt om den forflytning. Ring til planlæggeren, hvis du var med.",
            "You are not asked about that transfer. Call the planner if you were there.",
        ),
        "presence_not_here": ErrorText(
            ErrorKind.FORBIDDEN,
            "Du kan kun være registreret ved en lift, hvor du er på vagt. Start vagten eller besøget først.",
            "You can only be registered at a lift where you are on duty. Start the shift or the visit first.",
        ),
        "inspection_date": ErrorText(
            ErrorKind.INVALID,
            "Eftersynet kan ikke være fra {found}. Skriv en dag fra {earliest} til {latest}.",
            "The inspection cannot be of {found}. Give a day from {earliest} to {latest}.",
        ),
        "presence_time": ErrorText(
            ErrorKind.INVALID,
            "Tidspunktet {found} kan ikke passe. Det skal ligge mellem {earliest} og {latest}.",
            "The time {found} cannot be right. It has to lie between {earliest} and {latest}.",
        ),
    }
