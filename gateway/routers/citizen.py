"""A citizen's own data: who comes, who came in, who looked, and consents to take back. One home, nobody else's."""

from typing import Annotated, Any, Literal

from fastapi import Depends

from devices.keys.schemas import RightsChange
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.parts import Parts
from gateway.routing import Router
from gateway.usecases.citizens import Withdrawn, give_again, note_look, own_citizen, withdraw
from gateway.usecases.doors import tell_locks
from gateway.views import citizen as view
from kernel.localtime import local_day

router = Router(prefix="/api/v1/citizen", tags=["citizen"])
AtHome = Annotated[Who, Depends(require(Role.CITIZEN, Role.RELATIVE, Role.KIOSK))]
#: a relative looks along; what holds and what ends is the citizen's to say
Decides = Annotated[Who, Depends(require(Role.CITIZEN, Role.KIOSK))]
#: a yes is the citizen's own, signed in as herself: a code on a table may be known to others
Citizen = Annotated[Who, Depends(require(Role.CITIZEN))]
ConsentKind = Literal["electronic_key", "screen", "relative", "auto_answer"]


@router.get("/visits")
def visits(who: AtHome, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Who comes today and in the coming week: a span of time, a first name and a role, how they get in."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "visits", "relative")
    return {"visits": view.visits_json(read, citizen, parts.clock.now(), who.language)}


@router.get("/openings")
def openings(who: AtHome, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Who opened the door in the last 90 days: time, role and reason, no name."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "openings", "relative")
    return {"openings": view.openings_json(read, citizen, parts.clock.now(), who.language)}


@router.get("/access-log")
def access_log(who: AtHome, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """Who has looked at the citizen's data in the last 90 days: time, role, what and why, no name."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "access_log", "relative")
    return {"access": view.access_json(read, citizen, parts.clock.now())}


@router.get("/consents")
def consents(who: AtHome, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """What the citizen has agreed to, and whether it holds."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "consents", "relative")
    return {"consents": view.consents_json(read, citizen, local_day(parts.clock.now()))}


@router.post("/consents/{kind}/withdrawal")
def withdrawal(kind: ConsentKind, who: Decides, parts: PartsDep) -> dict[str, Any]:
    """Take a consent back. What it allowed ends in the same act: doors, looks of relatives, screen visits."""
    done = withdraw_own(parts, who, kind)
    return {
        "kind": done.kind,
        "rights_withdrawn": done.rights.withdrawn,
        "relatives_ended": done.relatives,
        "visits_handed_over": done.visits,
    }


@router.post("/consents/{kind}")
def say_yes_again(kind: ConsentKind, who: Citizen, parts: PartsDep) -> dict[str, Any]:
    """Give a consent again that was given before. Today's routes get their right to the door back at once."""
    return {"kind": kind, "rights_issued": give_own(parts, who, kind).issued}


def give_own(parts: Parts, who: Who, kind: str) -> RightsChange:
    """Give a consent of the session's own citizen again."""
    with parts.units.begin() as work:
        citizen = own_citizen(work.session, who)
        change = give_again(work, citizen.id, kind)
    tell_locks(parts, change.locks_to_tell)
    return change


def withdraw_own(parts: Parts, who: Who, kind: str) -> Withdrawn:
    """Withdraw a consent of the session's own citizen; the locks are told after the commit."""
    with parts.units.begin() as work:
        citizen = own_citizen(work.session, who)
        done = withdraw(work, citizen.id, kind)
    tell_locks(parts, done.rights.locks_to_tell)
    for room in done.calls:
        parts.video.told(room)
    return done
