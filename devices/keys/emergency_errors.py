"""What keeps an emergency from opening a door, and a review from being taken, in plain words."""

from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class EmergencyError(DomainError):
    """Why an emergency does not open a door, or a review is not taken."""

    texts: ClassVar[dict[str, ErrorText]] = {
        "no_lock_there": ErrorText(
            ErrorKind.CONFLICT,
            "Der er ingen elektronisk lås hos borgeren. Brug nøgleboks, eller ring til vagttelefonen.",
            "There is no electronic lock at the citizen's. Use the key box or call the duty phone.",
        ),
        "vendors_lock_there": ErrorText(
            ErrorKind.CONFLICT,
            "Låsen hos borgeren er en anden leverandørs og åbner ikke på nødkald. Intet er sendt. Brug nøgleboks, ring "
            "til vagttelefonen, eller ring 112.",
            "The lock at the citizen's is another vendor's and does not open in an emergency. Nothing was sent. Use "
            "the key box, call the duty phone, or call 112.",
        ),
        "no_consent_there": ErrorText(
            ErrorKind.FORBIDDEN,
            "Borgeren har sagt nej til elektronisk nøgle. Ring på, brug aftalt nøgle, eller ring 112.",
            "The citizen said no to the electronic key. Ring the bell, use the agreed key, or call 112.",
        ),
        "other_units_citizen": ErrorText(
            ErrorKind.FORBIDDEN,
            "Borgeren hører til en anden enhed. Ring til vagttelefonen.",
            "The citizen belongs to another unit. Call the duty phone.",
        ),
        "key_missing": ErrorText(
            ErrorKind.CONFLICT,
            "Tabletten har ingen nøgle i denne vagt. Start vagten igen, eller ring til vagttelefonen.",
            "The tablet has no key in this shift. Start the shift again or call the duty phone.",
        ),
        "no_emergency_grant": ErrorText(
            ErrorKind.FORBIDDEN,
            "Der kan ikke udstedes flere nødåbninger nu ({why}). Ring til vagttelefonen, eller ring 112.",
            "No more emergency openings can be issued now ({why}). Call the duty phone, or call 112.",
        ),
        "already_reviewed": ErrorText(
            ErrorKind.CONFLICT,
            "Nødåbningen er allerede gennemset {clock}. Du skal ikke gøre mere.",
            "The emergency opening was reviewed at {clock}. There is nothing more to do.",
        ),
        "review_note_missing": ErrorText(
            ErrorKind.INVALID,
            "Skriv kort, hvad der ikke var i orden, og hvad der er gjort.",
            "Write in a few words what was not in order and what has been done.",
        ),
    }
