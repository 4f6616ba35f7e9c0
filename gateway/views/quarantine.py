"""Why a message was set aside, and what is wrong with the inbox, in sentences a person can act on."""

from devices.inbox.ingest import STALE_S
from devices.inbox.leases import Crew

_TEXTS = {
    "unknown_device": (
        "Enheden kendes ikke. Opret den, og kør beskeden igen.",
        "The device is unknown. Enrol it and replay the message.",
    ),
    "broken_payload": ("Indholdet kan ikke læses.", "The content cannot be read."),
    "wrong_version": (
        "Beskeden har en version, vi ikke kender. Opdatér platformen eller enheden.",
        "The message has a version we do not know. Upgrade the platform or the device.",
    ),
    "future_timestamp": (
        "Enhedens ur går foran. Stil uret, og kør beskeden igen.",
        "The device's clock is ahead. Set it and replay the message.",
    ),
    "duplicate": ("Beskeden er allerede modtaget.", "The message was received before."),
    "foreign_tenant": (
        "Beskeden kommer fra en anden kommunes enhed.",
        "The message comes from another municipality's device.",
    ),
    "unknown_topic": ("Emnet kendes ikke.", "The topic is unknown."),
    "bad_signature": (
        "Underskriften passer ikke til låsen. Undersøg låsen.",
        "The signature is not the lock's. Examine the lock.",
    ),
    "chain_gap": (
        "Der mangler hændelser før denne. Låsen er bedt om dem.",
        "Events before this one are missing. The lock was asked for them.",
    ),
    "chain_fork": (
        "Låsens log findes i to udgaver. Undersøg låsen straks.",
        "The lock's log exists in two versions. Examine the lock at once.",
    ),
    "not_accepted": ("Beskeden blev ikke accepteret.", "The message was not accepted."),
}


def reason_text(reason: str, language: str) -> str:
    """The sentence of a reason; an unknown reason is shown as it is."""
    da, en = _TEXTS.get(reason, (reason, reason))
    return da if language == "da" else en


def inbox_fault(crew: Crew, language: str) -> str:
    """What is wrong with the taking in of messages; empty where nothing is."""
    da, en = "", ""
    if crew.processes == 0:
        da = "Ingen proces tager imod. Start omsorgstid ingest; beskederne venter hos beskedformidleren."
        en = "No process takes messages in. Start omsorgstid ingest; the messages wait at the broker."
    elif crew.held < crew.shards:
        da = f"{crew.held} af {crew.shards} dele bliver passet. Vent et øjeblik, eller start en ingest til."
        en = f"{crew.held} of {crew.shards} shards are looked after. Wait a moment, or start another ingest."
    elif crew.oldest_s > STALE_S:
        da = f"Den ældste besked har ventet {crew.oldest_s:.0f} s. Se om databasen svarer."
        en = f"The oldest message has waited for {crew.oldest_s:.0f} s. See whether the database answers."
    return da if language == "da" else en
