"""Screen visits over HTTP: the carer's side, the link's, the kiosk's (docs/screen-visits.md)."""

import time
from typing import Annotated, Any, Literal

from fastapi import Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlmodel import Session

from gateway import auth, sessions
from gateway.auth import Role, Who, public, require
from gateway.call_sides import browser_key, call_here, link_key
from gateway.deps import FactKey, PartsDep, ReadDep, WorkDep, once, own_carer
from gateway.errors import EdgeError
from gateway.observation import SCREEN_CALLS, SCREEN_LINKS, SCREEN_SETUP, SCREEN_TROUBLE
from gateway.parts import Parts
from gateway.routing import Router
from gateway.usecases import screen_visits
from gateway.views.screen import kiosk_state, room_state
from kernel.work import Work
from scheduling.register.tables import CitizenRow
from scheduling.tables import VisitRow
from video import invitations, measuring, service, store
from video.errors import CallError
from video.events import CallOutcome, MediaPath
from video.invitations import Refusal
from video.model import TALKING, AnsweredBy, CallState, Room
from video.quality import Window

router = Router(prefix="/api/v1", tags=["screen visits"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
CitizenSide = Annotated[Who, Depends(require(Role.LINK, Role.KIOSK))]
Kiosk = Annotated[Who, Depends(require(Role.KIOSK))]
InCall = Annotated[Who, Depends(require(Role.CARER, Role.LINK, Role.KIOSK))]
#: how long the browser that redeemed a link may come back; the outcome ends it earlier
LINK_SESSION_S = 4 * 3600.0


class Concluded(BaseModel):
    """How it went; an outcome is required."""

    outcome: CallOutcome
    note: str | None = Field(default=None, max_length=2000)
    at: AwareDatetime | None = None


class Redemption(BaseModel):
    """The token out of the link's fragment."""

    token: str = Field(max_length=200)


class Answer(BaseModel):
    """What the citizen's side does with a ring."""

    action: Literal["answer", "not_now", "auto"]


class QualityWindow(BaseModel):
    """Five seconds of the browser's statistics; the video fields are null without a picture."""

    room_id: str | None = Field(default=None, max_length=64)
    rtt_ms: float = Field(ge=0, le=60_000)
    jitter_buffer_ms: float = Field(ge=0, le=60_000)
    concealed_ratio: float = Field(ge=0, le=1)
    fps: float | None = Field(default=None, ge=0, le=240)
    freeze_ratio: float | None = Field(default=None, ge=0, le=1)
    frame_height: int | None = Field(default=None, ge=0, le=10_000)
    path: MediaPath = "unknown"
    reconnects: int = Field(default=0, ge=0, le=100)
    setup_ms: int | None = Field(default=None, ge=0, le=600_000)


class Feedback(BaseModel):
    """*Det var svært at høre eller se*."""

    trouble: Literal[True]


class Offer(BaseModel):
    """A pre-call offer."""

    sdp: str = Field(max_length=64 * 1024)


@router.post("/me/visits/{visit_id}/screen", status_code=201)
def ring(who: Carer, parts: PartsDep, visit_id: str) -> dict[str, Any]:
    """Ring, ring again, or get a fresh link while the call goes on. The link is in this answer only."""
    with parts.units.begin() as work:
        rung = screen_visits.ring(work, parts.settings.video, own_carer(who.carer_id), visit_id)
        work.session.flush()
        answer = room_state(work.session, parts, rung.room, "staff", rung.token)
    parts.video.told(rung.room)
    return answer


@router.get("/me/visits/{visit_id}/screen")
def call_of_visit(who: Carer, parts: PartsDep, read: ReadDep, visit_id: str) -> dict[str, Any]:
    """How one's call stands; also fresh ICE credentials."""
    return room_state(read, parts, _own_call(read, who, visit_id), "staff")


@router.post("/me/visits/{visit_id}/screen/hangup")
def hang_up(who: Carer, parts: PartsDep, visit_id: str) -> dict[str, Any]:
    """Læg på. How it went is still to be said."""
    with parts.units.begin() as work:
        room = service.hang_up(work, _own_call(work.session, who, visit_id).room_id)
        answer = room_state(work.session, parts, room, "staff")
    parts.video.told(room)
    return answer


@router.post("/me/visits/{visit_id}/screen/outcome")
def conclude(who: Carer, parts: PartsDep, visit_id: str, body: Concluded, key: FactKey = None) -> Any:
    """How it went: call and visit end in one act."""
    carer_id = own_carer(who.carer_id)
    changed: list[Room] = []
    with parts.units.begin() as work:

        def act() -> dict[str, Any]:
            before = _own_call(work.session, who, visit_id)
            room = screen_visits.conclude(
                work, parts.settings.video, before, carer_id, body.outcome, body.note, body.at
            )
            if room != before:
                changed.append(room)
            return room_state(work.session, parts, room, "staff")

        answer = once(work, key, carer_id, f"screen {visit_id} {body.model_dump_json()}", act)
    for room in changed:
        parts.video.told(room)
        if room.concluded:
            SCREEN_CALLS.labels(room.outcome).inc()
    return answer


@router.post("/screen/redemption", dependencies=[Depends(public)])
def redeem(body: Redemption, request: Request, response: Response, parts: PartsDep) -> dict[str, Any]:
    """Redeem an invitation, once. The browser gets a session for this one call."""
    client = request.client.host if request.client else ""
    if parts.video.wrong_tokens.too_many(client) and not _is_known(parts, body.token):
        # Many may share an address: who has a link is let in, however often others guess.
        raise EdgeError(429, "too_many_tries", "For mange forsøg. Vent et minut.", "Too many attempts. Wait a minute.")
    wall_s = time.time()
    with parts.units.begin() as work:
        found = invitations.redeem(work, body.token, wall_s)
        back = _same_browser(work, parts, request, body.token) if found is Refusal.USED else None
        if back is not None:
            return room_state(work.session, parts, back, "citizen")
        if isinstance(found, Refusal):
            raise _refused(parts, found, client)
        room = found.room
        token = sessions.open_link_session(
            work,
            room_id=room.room_id,
            citizen_id=room.citizen_id,
            unit_id=room.unit_id,
            expires_s=wall_s + LINK_SESSION_S,
        )
        if found.takes_over:
            invitations.name_heir(work, room.room_id, link_key(token))
        answer = room_state(work.session, parts, room, "citizen")
    SCREEN_LINKS.labels("ok").inc()
    secure = parts.settings.http.secure_cookies
    response.set_cookie(auth.cookie_of("call"), token, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


@router.get("/screen/room")
def room_here(who: CitizenSide, request: Request, parts: PartsDep, read: ReadDep) -> dict[str, Any] | None:
    """The call this browser is for; null at a kiosk with nothing on, or whose call is taken elsewhere."""
    room = call_here(read, who, browser_key(request, who))
    return None if room is None else room_state(read, parts, room, "citizen")


@router.post("/screen/answer")
def answer_ring(who: CitizenSide, request: Request, parts: PartsDep, body: Answer) -> dict[str, Any]:
    """Svar or Ikke nu, by hand or, at a kiosk with consent, by itself."""
    key = browser_key(request, who)
    with parts.units.begin() as work:
        room_id = _needed(call_here(work.session, who, key)).room_id
        if body.action == "not_now":
            room = screen_visits.not_now(work, parts.settings.video, room_id)
        else:
            room = screen_visits.answer(work, room_id, _by(who, body.action), key)
        told = room_state(work.session, parts, room, "citizen")
    parts.video.told(room)
    return told


@router.post("/screen/hangup")
def hang_up_here(who: CitizenSide, request: Request, parts: PartsDep) -> dict[str, Any]:
    """Læg på, at the citizen's."""
    key = browser_key(request, who)
    with parts.units.begin() as work:
        room = _needed(call_here(work.session, who, key))
        if room.state in TALKING and room.citizen_key != key:
            raise CallError("answered_elsewhere")
        if room.state is CallState.RINGING:
            room = screen_visits.not_now(work, parts.settings.video, room.room_id)
        else:
            room = service.hang_up(work, room.room_id)
        told = room_state(work.session, parts, room, "citizen")
    parts.video.told(room)
    return told


@router.post("/screen/quality")
def quality(who: InCall, request: Request, work: WorkDep, body: QualityWindow) -> dict[str, Any]:
    """One window of one side; what its page is to do."""
    if who.role is Role.CARER:
        room = store.room_of(work.session, body.room_id or "")
        if room is None or room.carer_id != who.carer_id:
            raise CallError("room_unknown")
    else:
        room = _needed(call_here(work.session, who, browser_key(request, who)))
    measured = measuring.Measured(
        Window(body.rtt_ms, body.jitter_buffer_ms, body.concealed_ratio, body.fps, body.freeze_ratio),
        body.path,
        body.reconnects,
        body.setup_ms,
    )
    told = measuring.measure(work, room.room_id, "staff" if who.role is Role.CARER else "citizen", measured)
    if body.setup_ms is not None:
        SCREEN_SETUP.observe(body.setup_ms / 1000)
    return {"level": told.level.name.lower(), "advice": told.advice, "automatic": told.automatic}


@router.post("/screen/feedback", status_code=202)
def feedback(who: CitizenSide, request: Request, work: WorkDep, body: Feedback) -> dict[str, bool]:  # noqa: ARG001
    """It was hard to hear or see: kept once for the call, and told to the planner with the visit."""
    key = browser_key(request, who)
    room = call_here(work.session, who, key)
    if room is None and who.role is Role.KIOSK:
        room = store.last_room_of(work.session, who.citizen_id or "", key)
    if not _needed(room).trouble:
        SCREEN_TROUBLE.inc()
    return {"told": measuring.note_trouble(work, _needed(room).room_id).trouble}


@router.post("/screen/precall")
def precall(_who: InCall, parts: PartsDep, body: Offer) -> dict[str, str]:
    """Test camera, sound and network against the echo peer."""
    return {"sdp": parts.video.peer.echo(body.sdp)}


@router.post("/screen/call-me", status_code=202)
def call_me(who: CitizenSide, work: WorkDep) -> dict[str, bool]:
    """Ring til mig: a planner is told."""
    return _call_me(work, who)


@router.get("/kiosk")
def kiosk(who: Kiosk, request: Request, parts: PartsDep, read: ReadDep) -> dict[str, Any]:
    """What the tablet on the citizen's table shows between calls."""
    room = call_here(read, who, browser_key(request, who))
    ringing = room if room is not None and room.state is CallState.RINGING else None
    return kiosk_state(read, parts, who.citizen_id or "", ringing)


@router.post("/kiosk/call-me", status_code=202)
def call_me_from_kiosk(who: Kiosk, work: WorkDep) -> dict[str, bool]:
    """The same, from the kiosk's waiting screen."""
    return _call_me(work, who)


def _call_me(work: Work, who: Who) -> dict[str, bool]:
    citizen = work.session.get(CitizenRow, who.citizen_id or "")
    if citizen is None:
        raise CallError("room_unknown")
    screen_visits.call_back(work, citizen.id, citizen.unit_id)
    return {"told": True}


def _own_call(session: Session, who: Who, visit_id: str) -> Room:
    """The call of one's own visit. Anybody else's is unknown, so that ids cannot be probed."""
    room = store.room_of_visit(session, visit_id)
    visit = session.get(VisitRow, visit_id)
    if room is None or visit is None or visit.carer_id != who.carer_id:
        raise CallError("room_unknown")
    return room


def _needed(room: Room | None) -> Room:
    if room is None:
        raise CallError("call_not_ringing")
    return room


def _by(who: Who, action: str) -> AnsweredBy:
    if action != "auto":
        return "kiosk" if who.role is Role.KIOSK else "link"
    if who.role is not Role.KIOSK:
        raise CallError("auto_answer_not_allowed")
    return "auto"


def _is_known(parts: Parts, token: str) -> bool:
    with parts.database.reading() as session:
        return invitations.is_known(session, token)


def _same_browser(work: Work, parts: Parts, request: Request, token: str) -> Room | None:
    """The room of a used invitation, where the one who used it asks again: its answer may have been lost."""
    room_id = invitations.room_behind(work, token)
    held = request.cookies.get(auth.cookie_of("call"))
    who = auth.who(work.session, held, "da", demo_allowed=parts.settings.demo)
    same = who is not None and room_id is not None and who.room_id == room_id
    return store.room_of(work.session, room_id or "") if same else None


def _refused(parts: Parts, why: Refusal, client: str) -> Exception:
    SCREEN_LINKS.labels(why.value).inc()
    if why is Refusal.ELSEWHERE:
        return CallError("answered_elsewhere")
    parts.video.wrong_tokens.add(client)
    phone = parts.settings.duty_phone
    return EdgeError(
        404 if why is Refusal.UNKNOWN else 410,
        f"link_{why.value}",
        f"Linket er brugt eller for gammelt. Vent – vi ringer selv igen. Haster det: {phone}",
        f"The link has been used or is too old. Wait – we call again ourselves. If it is urgent: {phone}",
        phone=phone,
    )
