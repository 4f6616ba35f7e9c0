"""What can go wrong with a car or a driving log, each with the sentence that says what to do."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class DrivingError(DomainError):
    """Errors of vehicles and driving logs."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "vehicle_unknown": ErrorText(
            ErrorKind.NOT_FOUND,
            "Bilen findes ikke i din enhed. Vælg en anden fra listen.",
            "There is no such car in your unit. Choose another from the list.",
        ),
        "vehicle_taken": ErrorText(
            ErrorKind.CONFLICT,
            "En kollega har taget {reg_no} kl. {clock}. Vælg en anden bil, eller ring til planlæggeren.",
            "A colleague took {reg_no} at {clock}. Choose another car or call the planner.",
        ),
        "odometer_below": ErrorText(
            ErrorKind.INVALID,
            "Bilen stod sidst på {known_km} km, og du har skrevet {found_km}. "
            "Se på kilometertælleren, og skriv tallet igen.",
            "The car last stood at {known_km} km, and you wrote {found_km}. "
            "Look at the odometer and write the figure again.",
        ),
        "odometer_far_above": ErrorText(
            ErrorKind.CONFLICT,
            "Bilen stod sidst på {known_km} km. {found_km} er meget mere. Er tallet rigtigt, så bekræft det.",
            "The car last stood at {known_km} km. {found_km} is far more. If the figure is right, confirm it.",
        ),
        "vehicle_exists": ErrorText(
            ErrorKind.CONFLICT,
            "Bilen {found} er allerede oprettet.",
            "The car {found} is registered already.",
        ),
        "assignments_overlap": ErrorText(
            ErrorKind.CONFLICT,
            "Bilen {vehicle_id} er givet til to på samme tid ({at}). Ret tiderne.",
            "The car {vehicle_id} is given to two at the same time ({at}). Mend the times.",
        ),
        "days_open": ErrorText(
            ErrorKind.CONFLICT,
            "Ugen kan ikke godkendes endnu. Kørebogen er åben: {days}. Luk vagterne, og prøv igen.",
            "The week cannot be approved yet. Driving logs are open: {days}. Close the shifts and try again.",
        ),
        "nothing_to_approve": ErrorText(
            ErrorKind.CONFLICT,
            "Der er ingen kørebøger at godkende i {week}.",
            "There are no driving logs to approve in {week}.",
        ),
        "week_malformed": ErrorText(
            ErrorKind.INVALID,
            "Ugen skal skrives som 2026-W48, men der står {found}.",
            "The week must be written like 2026-W48, but it says {found}.",
        ),
    }
