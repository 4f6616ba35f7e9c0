"""Errors of the inbox and its quarantine page, and how an error of the protocol becomes a reason to set aside."""

from collections.abc import Mapping
from typing import ClassVar

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from devices.inbox.model import Reason, Refused
from kernel.errors import DomainError, ErrorKind, ErrorText


class InboxError(DomainError):
    """What a person at the quarantine, or at the settings, can do wrong."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "quarantine_settled": ErrorText(
            ErrorKind.CONFLICT,
            "Beskeden er allerede afgjort ({state}). Genindlæs listen.",
            "The message is settled already ({state}). Reload the list.",
        ),
        "correction_unreadable": ErrorText(
            ErrorKind.INVALID,
            "Rettelsen kan ikke læses. Ventet: {expected}. Fundet: {found}. Ret den, og prøv igen.",
            "The correction cannot be read. Expected: {expected}. Found: {found}. Change it and try again.",
        ),
        "correction_same": ErrorText(
            ErrorKind.INVALID,
            "Rettelsen er den samme som den oprindelige besked. Ret noget, eller kør beskeden igen som den er.",
            "The correction is the message as it arrived. Change something, or replay it as it is.",
        ),
        "shards_differ": ErrorText(
            ErrorKind.CONFLICT,
            "En anden ingest kører med {expected} dele, denne er sat til {found}. "
            "Stop alle, og start dem igen med samme OMSORGSTID_INGEST__SHARDS.",
            "Another ingest runs {expected} shards, this one is set to {found}. "
            "Stop all of them and start them again with the same OMSORGSTID_INGEST__SHARDS.",
        ),
    }


_REASON_OF_CODE: Mapping[str, Reason] = {
    "topic_malformed": Reason.UNKNOWN_TOPIC,
    "message_unknown": Reason.UNKNOWN_TOPIC,
    "message_malformed": Reason.BROKEN_PAYLOAD,
    "message_version_unknown": Reason.WRONG_VERSION,
    "signature_malformed": Reason.BAD_SIGNATURE,
    "signature_algorithm": Reason.BAD_SIGNATURE,
    "signature_key_unknown": Reason.BAD_SIGNATURE,
    "signature_invalid": Reason.BAD_SIGNATURE,
}


def database_is_away(error: Exception) -> bool:
    """Whether an error says nothing about the message: the database is away, busy, or chose a victim."""
    if isinstance(error, DomainError):
        return error.kind is ErrorKind.UNAVAILABLE
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    away = (OperationalError, InterfaceError, InternalError, PendingRollbackError, PoolTimeoutError)
    return isinstance(error, away)


def refusal_of(error: Exception) -> Refused:
    """The reason to set a message aside that goes with what its handler raised.

    Whatever is not a known error of the protocol becomes ``not_accepted`` with the name of the error: a
    message that hits a fault of ours is kept until the fault is mended and then replayed.
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, DomainError):
        reason = _REASON_OF_CODE.get(error.code, Reason.NOT_ACCEPTED)
        field = str(error.facts.get("field") or "")
        expected = str(error.facts.get("expected") or error.text("en"))
        found = str(error.facts.get("found") or error.code)
        return Refused(reason, f"{field}: {expected}" if field else expected, found)
    return Refused(Reason.NOT_ACCEPTED, "a message its handler can take in", type(error).__name__)
