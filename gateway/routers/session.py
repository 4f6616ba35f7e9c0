"""Sign in and out."""

from typing import Any

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field
from sqlmodel import col, select

from gateway import sessions
from gateway.auth import Role, Who, cookie_name, current, public, surface_of
from gateway.demo.identities import DEMO_PIN
from gateway.deps import PartsDep, ReadDep
from gateway.errors import EdgeError
from gateway.routing import Router
from gateway.tables import IdentityRow
from scheduling.register.tables import UnitRow

router = Router(prefix="/api/v1", tags=["session"])


class SignIn(BaseModel):
    """Who, and the PIN."""

    identity: str = Field(max_length=64)
    pin: str = Field(pattern=r"^[0-9]{4,8}$")


class SignedIn(BaseModel):
    """The person signed in. ``identity`` lets a kiosk ask for its own PIN again."""

    identity: str
    role: str
    name: str
    carer_id: str | None
    unit_ids: list[str]
    language: str


@router.post("/session", dependencies=[Depends(public)])
def sign_in(body: SignIn, request: Request, response: Response, parts: PartsDep) -> SignedIn:
    """Open a session. A wrong PIN is counted; five in a row lock the identity for five minutes."""
    with parts.units.begin() as work:
        found = sessions.sign_in(
            work,
            body.identity,
            body.pin,
            demo_allowed=parts.settings.demo,
            surface=surface_of(request),
            pin_roles=sessions.PIN_ROLES if parts.settings.oidc.issuer else tuple(Role),
        )
    if found is None:
        raise EdgeError(401, "wrong_pin", "Koden passer ikke. Prøv igen.", "The code is wrong. Try again.")
    token, row = found
    response.set_cookie(
        cookie_name(request),
        token,
        httponly=True,
        samesite="strict",
        secure=parts.settings.http.secure_cookies,
        path="/",
    )
    return SignedIn(
        identity=row.id,
        role=row.role,
        name=row.name,
        carer_id=row.carer_id,
        unit_ids=row.unit_ids,
        language=parts.settings.language,
    )


@router.get("/session", dependencies=[Depends(public)])
def session(request: Request) -> SignedIn | None:
    """Who is signed in, or null."""
    found: Who | None = current(request)
    if found is None:
        return None
    return SignedIn(
        identity=found.identity_id,
        role=found.role.value,
        name=found.name,
        carer_id=found.carer_id,
        unit_ids=list(found.unit_ids),
        language=found.language,
    )


@router.delete("/session", dependencies=[Depends(public)], status_code=204)
def sign_out(request: Request, response: Response, parts: PartsDep) -> None:
    """Close the session."""
    token = request.cookies.get(cookie_name(request))
    if token:
        with parts.units.begin() as work:
            sessions.sign_out(work, token)
    response.delete_cookie(cookie_name(request), path="/")


_BY_HAND = "Styres af dig"
DEMO_ORDER = {
    "carer": 0,
    "planner": 1,
    "manager": 2,
    "operations": 3,
    "technician": 4,
    "auditor": 5,
    "citizen": 6,
    "relative": 7,
    "kiosk": 8,
}


@router.get("/demo/identities", dependencies=[Depends(public)], tags=["demo"])
def identities(parts: PartsDep, read: ReadDep) -> list[dict[str, Any]]:
    """The invented people of the demo, with their PIN. Refused outside the demo."""
    if not parts.settings.demo:
        raise EdgeError(404, "demo_only", "Det findes kun i demoen.", "That exists in the demo only.")
    by_hand = parts.demo.by_hand if parts.demo else frozenset()
    units = {u.id: u.name for u in read.exec(select(UnitRow)).all()}
    rows = read.exec(select(IdentityRow).where(col(IdentityRow.demo).is_(True))).all()
    return [
        {
            "identity": r.id,
            "name": r.name,
            "role": r.role,
            "unit_name": units.get(r.unit_ids[0], "") if len(r.unit_ids) == 1 else "",
            "pin": DEMO_PIN,
            "hint": _BY_HAND if r.carer_id in by_hand else None,
        }
        for r in sorted(rows, key=lambda r: (DEMO_ORDER.get(r.role, 9), r.carer_id not in by_hand, r.name, r.id))
    ]
