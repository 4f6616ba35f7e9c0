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
        "missing_unexplained": ErrorText(
            ErrorKind.CONFLICT,
            "Ugen kan ikke godkendes endnu. Manglende ture er ikke forklaret: {trips}. Forklar dem, og prøv igen.",
            "The week cannot be approved yet. Missing trips are not explained: {trips}. Explain them and try again.",
        ),
        "week_locked": ErrorText(
            ErrorKind.CONFLICT,
            "Ugen {week} er godkendt og låst. Lås den op med en begrundelse, før noget rettes.",
            "Week {week} is approved and locked. Unlock it with a reason before anything is corrected.",
        ),
        "week_not_locked": ErrorText(
            ErrorKind.CONFLICT,
            "Ugen {week} er ikke låst. Du kan rette i den, som den er.",
            "Week {week} is not locked. You can correct it as it is.",
        ),
        "trip_unknown": ErrorText(
            ErrorKind.NOT_FOUND,
            "Turen findes ikke længere. Genindlæs siden.",
            "There is no such trip any more. Reload the page.",
        ),
        "correction_reason_missing": ErrorText(
            ErrorKind.INVALID,
            "Skriv, hvorfor du retter. Begrundelsen står i kørebogen.",
            "Write why you correct it. The reason stands in the driving log.",
        ),
        "destination_missing": ErrorText(
            ErrorKind.INVALID,
            "Erhvervsmæssig kørsel skal have et bestemmelsessted og et formål. Skriv begge dele.",
            "Business driving needs a destination and a purpose. Write both.",
        ),
        "private_has_no_route": ErrorText(
            ErrorKind.INVALID,
            "Privat kørsel har hverken sted eller formål i kørebogen. Lad felterne være tomme.",
            "Private driving has neither place nor purpose in the log. Leave the fields empty.",
        ),
        "carer_unknown": ErrorText(
            ErrorKind.INVALID,
            "Medarbejderen findes ikke i enheden. Vælg en fra listen.",
            "There is no such carer in the unit. Choose one from the list.",
        ),
        "rate_unknown": ErrorText(
            ErrorKind.CONFLICT,
            "Der er ingen sats for {day}. Læg årets sats i rates.yaml, og prøv igen.",
            "There is no rate for {day}. Put that year's rate into rates.yaml and try again.",
        ),
        "claim_unknown": ErrorText(
            ErrorKind.NOT_FOUND,
            "Kørselsbilaget findes ikke i din enhed. Genindlæs siden.",
            "There is no such claim in your unit. Reload the page.",
        ),
        "claim_settled": ErrorText(
            ErrorKind.CONFLICT,
            "Kørselsbilaget er allerede afgjort. Genindlæs siden.",
            "The claim is settled already. Reload the page.",
        ),
        "claim_incomplete": ErrorText(
            ErrorKind.INVALID,
            "{field} mangler eller er forkert: forventet {expected}, fundet {found}. Ret feltet, og send igen.",
            "{field} is missing or wrong: expected {expected}, found {found}. Mend the field and send again.",
        ),
        "claim_own": ErrorText(
            ErrorKind.FORBIDDEN,
            "Man kan ikke godkende sin egen kørsel. Bed en kollega om det.",
            "Nobody approves their own mileage. Ask a colleague to do it.",
        ),
        "track_refused": ErrorText(
            ErrorKind.INVALID,
            "Filen er ikke indlæst: linje {line}: forventet {expected}, fundet {found}. Ret filen, og prøv igen.",
            "The file was not read in: line {line}: expected {expected}, found {found}. Mend the file and try again.",
        ),
        "track_overlaps": ErrorText(
            ErrorKind.CONFLICT,
            "Bilens egen sporer har fortalt om samme tid ({from_at} til {to_at}). Sporet er ikke indlæst.",
            "The car's own tracker has told of the same time ({from_at} to {to_at}). The track was not read in.",
        ),
        "track_odometer": ErrorText(
            ErrorKind.CONFLICT,
            "Kilometertælleren stod på {known_km} km {when}, og sporet giver {found_km} km. "
            "Ret kilometertælleren ved sporets start, og prøv igen.",
            "The odometer stood at {known_km} km {when}, and the track gives {found_km} km. "
            "Mend the odometer at the start of the track and try again.",
        ),
    }
