"""An opening in the words of the door panel (ui guide §4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from devices.keys.schemas import DoorOpening
from gateway.wire import b64u, iso, iso_or_none
from kernel.localtime import clock_text

_TITLES = {
    "requested": ("Sendt – vent", "Sent – wait"),
    "challenged": ("Sendt – vent", "Sent – wait"),
    "sent": ("Sendt – vent", "Sent – wait"),
    "unlocked": ("Døren er låst op", "The door is unlocked"),
    "jammed": ("Låsen sidder fast", "The lock is jammed"),
    "expired": ("Nåede ikke låsen i tide", "Did not reach the lock in time"),
    "unknown": ("Ukendt: låsen svarer ikke", "Unknown: the lock does not answer"),
}
_WAIT = (
    "Døren er ikke låst op endnu. Vi venter på svar fra låsen.",
    "The door is not unlocked yet. We are waiting for the lock.",
)
_TEXTS = {
    "requested": _WAIT,
    "challenged": _WAIT,
    "sent": _WAIT,
    "unlocked": (
        "Låsen svarede {clock}. Besøget er startet.",
        "The lock answered {clock}. The visit has begun.",
    ),
    "jammed": (
        "Låsen kunne ikke åbne {clock}. Tryk døren ind mod karmen.",
        "The lock could not open at {clock}. Push the door against the frame.",
    ),
    "expired": (
        "Intet blev sendt. Døren åbner ikke senere.",
        "Nothing was sent. The door will not open later.",
    ),
    "unknown": (
        "Prøv håndtaget. Døren kan være låst op. Vi spørger låsen, hvordan den står, hvert 5. sekund.",
        "Try the handle. The door may be unlocked. We ask the lock how it stands every 5 seconds.",
    ),
}
# code: (reason da, en), (explanation da, en)
REFUSALS = {
    "outside_visit_window": (
        ("uden for besøgets tid", "outside the visit's time"),
        ("Døren kan åbnes fra {opens} til {closes}.", "The door can be opened from {opens} to {closes}."),
    ),
    "not_on_route": (
        ("besøget er ikke dit længere", "the visit is no longer yours"),
        ("Flyttet til en kollega {moved}: {reason}.", "Moved to a colleague {moved}: {reason}."),
    ),
    "missing_competence": (
        ("besøget kræver {competence}", "the visit needs {competence}"),
        ("Ring til planlæggeren.", "Call the planner."),
    ),
    "grant_expired": (
        ("tilladelsen er udløbet", "the permission has expired"),
        (
            "Hent ny tilladelse. Uden net: ring til vagttelefonen.",
            "Fetch a new permission. Without network: call the duty phone.",
        ),
    ),
    "epoch_revoked": (
        ("adgangen er spærret", "access is blocked"),
        ("Tabletten er spærret. Ring til vagttelefonen.", "The tablet is blocked. Call the duty phone."),
    ),
    "clock_unsure": (
        ("låsens ur er usikkert", "the lock's clock is unsure"),
        ("Hold tabletten tæt på låsen i 5 sekunder.", "Hold the tablet close to the lock for 5 seconds."),
    ),
    "consent_withdrawn": (
        ("borgeren har sagt nej til elektronisk nøgle", "the citizen said no to the electronic key"),
        ("Ring på. Brug aftalt nøgle.", "Ring the bell. Use the agreed key."),
    ),
    "battery_low": (
        ("låsen har for lidt strøm", "the lock has too little power"),
        ("Brug nøgleboks. Fejlen er meldt.", "Use the key box. The fault is reported."),
    ),
}
_OTHER = (
    ("låsen sagde nej ({code})", "the lock said no ({code})"),
    ("Ring til vagttelefonen.", "Call the duty phone."),
)
STILL_LOCKED = ("Døren er stadig låst.", "The door is still locked.")


def opening_json(opening: DoorOpening, language: str) -> dict[str, Any]:
    """An opening as the tablet shows it: state, heading, what to do now."""
    title, text = words(opening, language)
    return {
        "id": opening.opening_id,
        "door_id": opening.ids.door_id,
        "visit_id": opening.ids.visit_id,
        "lock_id": opening.ids.lock_id,
        "state": str(opening.state),
        "code": opening.code,
        "title": title,
        "text": text,
        "late": opening.late,
        "requested_at": iso(opening.requested_at),
        "settled_at": iso_or_none(opening.settled_at),
        "nonce": b64u(opening.nonce) if opening.nonce else None,
        "op": "open",
        "observation": opening.observation,
    }


def words(opening: DoorOpening, language: str) -> tuple[str, str]:
    """Heading and text of an opening."""
    pick = 0 if language == "da" else 1
    settled = clock_text(opening.settled_at) if opening.settled_at else ""
    facts = _facts(opening.facts, clock=settled, code=opening.code or "")
    if opening.state == "refused":
        reason, why = REFUSALS.get(opening.code or "", _OTHER)
        head = "Afvist – " if language == "da" else "Refused – "
        return head + reason[pick].format_map(facts), f"{why[pick].format_map(facts)} {STILL_LOCKED[pick]}"
    state = str(opening.state)
    return _TITLES[state][pick], _TEXTS[state][pick].format_map(facts)


class _Words(dict[str, str]):
    """Says ``?`` for a fact that is not there instead of hiding the sentence."""

    def __missing__(self, key: str) -> str:
        return "?"


def _facts(stored: Mapping[str, str | int | None], **more: str) -> _Words:
    shown = _Words(more)
    for name, value in stored.items():
        if value is not None:
            shown[name.removesuffix("_at")] = _clock_or_text(str(value))
    return shown


def _clock_or_text(text: str) -> str:
    try:
        return clock_text(datetime.fromisoformat(text))
    except ValueError:
        return text
