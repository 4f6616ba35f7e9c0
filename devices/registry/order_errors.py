"""What can be wrong with a work order or with a device's answer to it, each with what to do about it."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class OrderError(DomainError):
    """Errors of work orders and of enrolling under one."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "order_unreadable": ErrorText(
            ErrorKind.INVALID,
            "Koden fra arbejdsordren kan ikke læses. Scan den igen, eller kopiér hele teksten under den.",
            "The code of the work order cannot be read. Scan it again or copy the whole text below it.",
        ),
        "order_forged": ErrorText(
            ErrorKind.FORBIDDEN,
            "Koden er ikke underskrevet af vores system. Opret intet. Ring til planlæggeren.",
            "The code is not signed by our system. Enrol nothing. Call the planner.",
        ),
        "order_foreign": ErrorText(
            ErrorKind.FORBIDDEN,
            "Arbejdsordren er fra en anden kommune eller findes ikke her. Ring til planlæggeren.",
            "The work order is another municipality's or does not exist here. Call the planner.",
        ),
        "order_used": ErrorText(
            ErrorKind.CONFLICT,
            "Arbejdsordre {number} er brugt {day} kl. {clock} og gælder kun én gang. Bed planlæggeren om en ny.",
            "Work order {number} was used on {day} at {clock} and counts once only. Ask the planner for a new one.",
        ),
        "order_cancelled": ErrorText(
            ErrorKind.CONFLICT,
            "Arbejdsordre {number} er annulleret. Ring til planlæggeren.",
            "Work order {number} was cancelled. Call the planner.",
        ),
        "order_early": ErrorText(
            ErrorKind.CONFLICT,
            "Arbejdsordre {number} gælder først fra {day} kl. {clock}.",
            "Work order {number} does not hold before {day} at {clock}.",
        ),
        "order_expired": ErrorText(
            ErrorKind.CONFLICT,
            "Arbejdsordre {number} udløb {day} kl. {clock}. Bed planlæggeren om en ny.",
            "Work order {number} expired on {day} at {clock}. Ask the planner for a new one.",
        ),
        "order_other_device": ErrorText(
            ErrorKind.INVALID,
            "Arbejdsordre {number} er til noget andet: ventede {expected}, fik {found}. Se på ordren igen.",
            "Work order {number} is for something else: expected {expected}, got {found}. Look at the order again.",
        ),
        "order_other_place": ErrorText(
            ErrorKind.INVALID,
            "Arbejdsordre {number} er til et andet sted. Se center, borgernummer og dør på ordren.",
            "Work order {number} is for another place. See unit, citizen number and door on the order.",
        ),
        "order_window": ErrorText(
            ErrorKind.INVALID,
            "En arbejdsordre skal slutte efter sin start og gælde i højst {days} dage.",
            "A work order has to end after its start and hold for at most {days} days.",
        ),
        "order_not_by_hand": ErrorText(
            ErrorKind.CONFLICT,
            "Arbejdsordre {number} afsluttes ved at oprette enheden, ikke i hånden.",
            "Work order {number} is settled by enrolling the device, not by hand.",
        ),
        "proof_missing": ErrorText(
            ErrorKind.INVALID,
            "Hold monteringsappen mod enheden, og indsæt dens svar på arbejdsordren.",
            "Hold the mounting app to the device and paste its answer to the work order.",
        ),
        "proof_wrong": ErrorText(
            ErrorKind.INVALID,
            "Enheden har ikke bevist sin nøgle: svaret er ikke underskrevet med den. Læs svaret af enheden igen.",
            "The device has not proved its key: the answer is not signed with it. Read the answer again.",
        ),
        "proof_other_order": ErrorText(
            ErrorKind.INVALID,
            "Enhedens svar hører til en anden arbejdsordre. Vis den koden fra denne ordre, og læs svaret igen.",
            "The device's answer belongs to another work order. Show it this order's code and read the answer again.",
        ),
        "default_key": ErrorText(
            ErrorKind.FORBIDDEN,
            "Enheden har en fabriksnøgle, som andre kender. Nulstil den, så den laver sin egen, og prøv igen.",
            "The device has a factory key that others know. Reset it so that it makes its own, and try again.",
        ),
        "own_key_untried": ErrorText(
            ErrorKind.INVALID,
            "Prøv borgerens egen nøgle i døren, og sæt hak. Borgeren må aldrig stå uden en nøgle, der virker.",
            "Try the citizen's own key in the door and tick the box. The citizen must never be without a working key.",
        ),
    }
