"""An opening in the words of the door panel (ui guide §4)."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from devices.keys.schemas import DoorOpening
from devices.keys.vendors.model import NATIVE
from gateway.parts import HeldGrant
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
_WAITS_FOR_SECOND = (
    ("Venter på kollega", "Waiting for your colleague"),
    (
        "Døren åbner, når din kollega også trykker Lås op inden for et minut. Døren er stadig låst.",
        "The door opens when your colleague also taps Unlock within a minute. The door is still locked.",
    ),
)
_UNLOCKED_IN_EMERGENCY = (
    "Låsen svarede {clock}. Åbningen er meldt og bliver set igennem.",
    "The lock answered {clock}. The opening is reported and will be reviewed.",
)
_STAIRWELL_UNLOCKED = (
    ("Opgangen er låst op", "The stairwell is unlocked"),
    ("Låsen svarede {clock}.", "The lock answered {clock}."),
)
#: another maker's lock cannot speak for itself: its cloud does
_BY_VENDOR = {
    "unlocked": (
        "Låsens leverandør meldte den låst op {clock}. Besøget er startet.",
        "The lock's vendor reported it unlocked at {clock}. The visit has begun.",
    ),
    "jammed": (
        "Låsens leverandør meldte {clock}, at den ikke kunne åbne. Tryk døren ind mod karmen.",
        "The lock's vendor reported at {clock} that it could not open. Push the door against the frame.",
    ),
    "unknown": (
        "Prøv håndtaget. Døren kan være låst op. Vi spørger låsens leverandør hvert 5. sekund.",
        "Try the handle. The door may be unlocked. We ask the lock's vendor every 5 seconds.",
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
    "vendor_unreachable": (
        ("låsens leverandør svarer ikke", "the lock's vendor does not answer"),
        ("Intet blev sendt. Brug aftalt nøgle.", "Nothing was sent. Use the agreed key."),
    ),
    "vendor_busy": (
        ("låsens leverandør har for travlt", "the lock's vendor is too busy"),
        ("Vent et øjeblik, og prøv igen.", "Wait a moment and try again."),
    ),
    "vendor_lock_away": (
        ("låsen er uden forbindelse", "the lock has no connection"),
        ("Brug aftalt nøgle. Fejlen ligger hos låsens leverandør.", "Use the agreed key. The fault is the vendor's."),
    ),
    "no_access": (
        ("låsens leverandør kender ikke adgangen", "the lock's vendor does not know the access"),
        ("Vent et halvt minut, og prøv igen.", "Wait half a minute and try again."),
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


def grant_json(grant: HeldGrant) -> dict[str, Any]:
    """A grant for the tablet that holds its key: what it opens, until when, and whose answers to believe."""
    return {
        "visit_id": grant.visit_id,
        "door_id": grant.door_id,
        "lock_id": grant.lock_id,
        "lock_key": b64u(grant.lock_key),
        "way": [{"lock_id": lock_id, "lock_key": b64u(key)} for lock_id, key in grant.way],
        "cti": b64u(grant.cti),
        "token": b64u(grant.token),
        "opens_from_at": iso(grant.opens_at),
        "opens_to_at": iso(grant.closes_at),
    }


def opening_json(opening: DoorOpening, language: str) -> dict[str, Any]:
    """An opening as the tablet shows it: state, heading, what to do now."""
    title, text = words(opening, language)
    second_within_s = _second_within_s(opening)
    return {
        "id": opening.opening_id,
        "door_id": opening.ids.door_id,
        "visit_id": opening.ids.visit_id,
        "lock_id": opening.ids.lock_id,
        # the lock has accepted the first of two holders: neither open nor refused
        "state": "pending" if second_within_s is not None else str(opening.state),
        "code": opening.code,
        "title": title,
        "text": text,
        "late": opening.late,
        "requested_at": iso(opening.requested_at),
        "settled_at": iso_or_none(opening.settled_at),
        "nonce": b64u(opening.nonce) if opening.nonce else None,
        "op": "open",
        "observation": opening.observation,
        # a door for two: how long a colleague has to follow, in seconds from now
        "second_within_s": second_within_s,
        "emergency": opening.basis != "route",
        "by_vendor": opening.vendor != NATIVE,
        # what the tablet signs in place of a grant's id: another maker's lock takes no grants
        "cti": b64u(bytes.fromhex(opening.opening_id)) if opening.vendor != NATIVE else None,
        "act_id": opening.act_id,
        "on_way": opening.on_way,
    }


def _second_within_s(opening: DoorOpening) -> float | None:
    if opening.second_by_wall_s is None or str(opening.state) != "sent":
        return None
    return round(max(0.0, opening.second_by_wall_s - time.time()), 1)


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
    if state == "sent" and opening.second_by_wall_s is not None:
        return _WAITS_FOR_SECOND[0][pick], _WAITS_FOR_SECOND[1][pick]
    if state == "unlocked" and opening.on_way:
        return _STAIRWELL_UNLOCKED[0][pick], _STAIRWELL_UNLOCKED[1][pick].format_map(facts)
    if state == "unlocked" and opening.basis != "route":
        return _TITLES[state][pick], _UNLOCKED_IN_EMERGENCY[pick].format_map(facts)
    if opening.vendor != NATIVE and state in _BY_VENDOR:
        return _TITLES[state][pick], _BY_VENDOR[state][pick].format_map(facts)
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
