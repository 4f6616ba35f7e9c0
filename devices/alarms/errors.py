"""What can go wrong with an alarm, each with the sentence that says what to do."""

from collections.abc import Mapping
from typing import ClassVar

from kernel.errors import DomainError, ErrorKind, ErrorText


class AlarmError(DomainError):
    """Errors of taking and clearing alarms."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "alarm_cleared": ErrorText(
            ErrorKind.CONFLICT,
            "Alarmen blev afsluttet kl. {clock}. Du skal ikke gøre mere.",
            "The alarm was cleared at {clock}. There is nothing more to do.",
        ),
        "alarm_taken": ErrorText(
            ErrorKind.STALE,
            "En kollega har taget alarmen kl. {clock}. Aftal det med hende, før du tager den over.",
            "A colleague took the alarm at {clock}. Agree on it before you take it over.",
        ),
        "alarm_note_missing": ErrorText(
            ErrorKind.INVALID,
            "Skriv kort, hvad der blev gjort, før alarmen afsluttes.",
            "Write in a few words what was done before the alarm is cleared.",
        ),
    }
