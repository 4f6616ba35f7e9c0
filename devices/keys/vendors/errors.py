"""What can go wrong with a vendor, and with moving a door from one to another."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class VendorError(DomainError):
    """A vendor that is away or says no, and a door that cannot be moved as somebody wants."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "vendor_unreachable": ErrorText(
            ErrorKind.UNAVAILABLE,
            "Leverandørens sky svarer ikke ({why}). Prøv igen om lidt.",
            "The vendor's cloud does not answer ({why}). Try again in a moment.",
        ),
        "vendor_refuses": ErrorText(
            ErrorKind.CONFLICT,
            "Leverandørens sky sagde nej: {found}.",
            "The vendor's cloud said no: {found}.",
        ),
        "vendor_unclear": ErrorText(
            ErrorKind.INVALID,
            "Svaret fra leverandørens sky kan ikke læses ({path}): ventede {expected}, fik {found}.",
            "The answer of the vendor's cloud cannot be read ({path}): expected {expected}, got {found}.",
        ),
        "vendor_not_set_up": ErrorText(
            ErrorKind.CONFLICT,
            "Leverandøren er ikke sat op her. Bed driften om at udfylde indstillingerne for leverandørens sky.",
            "The vendor is not set up here. Ask operations to fill in the settings of the vendor's cloud.",
        ),
        "vendor_lock_unknown": ErrorText(
            ErrorKind.INVALID,
            "Leverandøren kender ingen lås med nummer {found}. Se nummeret på låsen.",
            "The vendor knows no lock with number {found}. See the number on the lock.",
        ),
        "vendor_lock_taken": ErrorText(
            ErrorKind.CONFLICT,
            "Låsen {found} står allerede på en dør. Tag den ned der først.",
            "Lock {found} is listed on a door already. Take it down there first.",
        ),
        "vendor_lock_there": ErrorText(
            ErrorKind.CONFLICT,
            "Døren har allerede en lås fra den leverandør. Tag den ned først.",
            "The door has a lock of that vendor already. Take it down first.",
        ),
        "vendor_lock_missing": ErrorText(
            ErrorKind.CONFLICT,
            "Døren har ingen lås fra den leverandør. Sæt låsen op først.",
            "The door has no lock of that vendor. Mount the lock first.",
        ),
        "vendor_lock_in_charge": ErrorText(
            ErrorKind.CONFLICT,
            "Døren åbnes med den lås nu. Flyt døren til den anden leverandør først.",
            "The door is opened with that lock now. Move the door to the other vendor first.",
        ),
        "vendor_not_for_two": ErrorText(
            ErrorKind.CONFLICT,
            "Døren kræver to medarbejdere, og det kan leverandørens låse ikke. Bed planlæggeren om at ændre det først.",
            "The door needs two carers, and this vendor's locks cannot do that. Ask the planner to change it first.",
        ),
        "vendor_not_for_stairwell": ErrorText(
            ErrorKind.CONFLICT,
            "Opgang og lejlighed åbnes her med ét tryk, og det kan leverandørens låse ikke. Behold vores egen lås, "
            "eller fjern opgangen fra vejen til døren først.",
            "Stairwell and flat open with one tap here, and this vendor's locks cannot do that. Keep our own lock, or "
            "take the stairwell off the way to the door first.",
        ),
        "vendor_door_in_use": ErrorText(
            ErrorKind.CONFLICT,
            "Døren er ved at blive åbnet lige nu. Vent et minut, og flyt den så.",
            "The door is being opened right now. Wait a minute, then move it.",
        ),
        "vendor_never_for_two": ErrorText(
            ErrorKind.CONFLICT,
            "Døren åbnes med en anden leverandørs lås, og den kan ikke kræve to. Flyt døren til vores egen lås først, "
            "eller planlæg besøget til to.",
            "The door is opened with another vendor's lock, which cannot ask for two. Move the door to our own lock "
            "first, or plan the visit for two.",
        ),
        "webhook_forged": ErrorText(
            ErrorKind.FORBIDDEN,
            "Beskeden er ikke underskrevet af leverandøren.",
            "The message is not signed by the vendor.",
        ),
        "webhook_old": ErrorText(
            ErrorKind.FORBIDDEN,
            "Beskedens tid er mere end {expected} sekunder fra vores. Send den igen, underskrevet på ny.",
            "The message's time is more than {expected} seconds from ours. Send it again, signed anew.",
        ),
        "webhook_repeated": ErrorText(
            ErrorKind.CONFLICT,
            "Beskeden er modtaget før. En gentagelse skal underskrives på ny.",
            "The message was received before. A repetition has to be signed anew.",
        ),
    }
