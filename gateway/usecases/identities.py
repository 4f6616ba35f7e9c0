"""From what the identity provider says to what a person may do here: strictly, and nothing by default.

The provider's role names have to be ours, word for word; what it says beside them is ignored. Units are ours by id.
A level of assurance below NSIS *Betydelig* (Substantial) is refused where the provider tells one.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, ClassVar

from sqlmodel import select

from gateway.auth import Role
from gateway.settings import OidcSettings
from gateway.tables import IdentityRow
from kernel.errors import DomainError, ErrorKind, ErrorText
from kernel.work import Work
from scheduling.register.tables import CitizenRow, UnitRow

#: who comes through the provider; carers and kiosks keep their PIN, a link keeps its token
PROVIDED = frozenset(
    {
        Role.PLANNER,
        Role.MANAGER,
        Role.AUDITOR,
        Role.OPERATIONS,
        Role.TECHNICIAN,
        Role.CITIZEN,
        Role.RELATIVE,
    }
)
_AT_HOME = frozenset({Role.CITIZEN, Role.RELATIVE})
#: a person with several roles gets the one of the page they came for
_ROLES_OF_SURFACE = {
    "planner": (Role.PLANNER,),
    "manager": (Role.MANAGER, Role.AUDITOR),
    "operations": (Role.OPERATIONS, Role.TECHNICIAN),
    "technician": (Role.TECHNICIAN, Role.OPERATIONS),
    "citizen": (Role.CITIZEN, Role.RELATIVE),
}
_LEVELS = frozenset({"Substantial", "High"})


class IdentityError(DomainError):
    """Why somebody whom the provider knows may do nothing here."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "role_unknown": ErrorText(
            ErrorKind.FORBIDDEN,
            "Din konto har ingen rolle her. Bed din leder om at få den tildelt.",
            "Your account has no role here. Ask your manager to have one assigned.",
        ),
        "role_unclear": ErrorText(
            ErrorKind.FORBIDDEN,
            "Din konto har flere roller. Åbn den side, du skal bruge, og log ind derfra.",
            "Your account has several roles. Open the page you need and sign in from there.",
        ),
        "no_unit_here": ErrorText(
            ErrorKind.FORBIDDEN,
            "Din konto har ingen enhed her. Bed din leder om at få den tildelt.",
            "Your account has no unit here. Ask your manager to have one assigned.",
        ),
        "level_too_low": ErrorText(
            ErrorKind.FORBIDDEN,
            "Log ind med et sikrere niveau: mindst NSIS Betydelig, for eksempel MitID.",
            "Sign in at a higher level: at least NSIS Substantial, for example MitID.",
        ),
        "citizen_not_here": ErrorText(
            ErrorKind.FORBIDDEN,
            "Du er ikke knyttet til en borger hos os. Ring til hjemmeplejen.",
            "You are not linked to a citizen with us. Call the home care.",
        ),
    }


def identity_of(work: Work, settings: OidcSettings, claims: Mapping[str, Any], surface: str) -> IdentityRow:
    """The identity behind the provider's claims, made or brought up to date.

    Parameters
    ----------
    claims
        Verified claims of an ID token.
    surface
        The surface they are on their way to, empty for none.

    Raises
    ------
    IdentityError
        What is missing; nothing is stored then.
    """
    level = claims.get(settings.level_claim)
    if level is not None and level not in _LEVELS:
        raise IdentityError("level_too_low")
    role = _role(_words(claims.get(settings.role_claim)), surface)
    citizen = _citizen(work, claims.get(settings.citizen_claim)) if role in _AT_HOME else None
    units = [citizen.unit_id] if citizen is not None else _units(work, role, _words(claims.get(settings.unit_claim)))
    # One identity for each role of a person: signing in as manager must not turn the planner in the next tab into one.
    subject = f"{claims['iss']}|{claims['sub']}|{role.value}"
    key = sha256(subject.encode()).hexdigest()
    row = work.session.exec(select(IdentityRow).where(IdentityRow.subject == key)).first()
    if row is None:
        row = IdentityRow(id=f"oidc-{key[:32]}", role=role.value, name="", subject=key, unit_ids=[], pin_hash="")
        work.session.add(row)
    row.name = _name(claims)
    row.unit_ids = units
    row.citizen_id = citizen.id if citizen is not None else None
    work.session.flush()
    return row


def _role(named: list[str], surface: str) -> Role:
    held = {role for role in PROVIDED if role.value in named}
    if not held:
        raise IdentityError("role_unknown")
    wanted = [role for role in _ROLES_OF_SURFACE.get(surface, ()) if role in held]
    if wanted:
        return wanted[0]
    if len(held) > 1:
        raise IdentityError("role_unclear")
    return next(iter(held))


def _units(work: Work, role: Role, named: list[str]) -> list[str]:
    known = set(work.session.exec(select(UnitRow.id)).all())
    units = sorted(known.intersection(named))
    # Operations look after the parts, which belong to no unit.
    if not units and role is not Role.OPERATIONS:
        raise IdentityError("no_unit_here")
    return units


def _citizen(work: Work, named: Any) -> CitizenRow:
    found = work.session.get(CitizenRow, named) if isinstance(named, str) and named else None
    if found is None:
        raise IdentityError("citizen_not_here")
    return found


def _words(claim: Any) -> list[str]:
    """A claim with one word or a list of them; anything else says nothing."""
    if isinstance(claim, str):
        return claim.split()
    return [word for word in claim if isinstance(word, str)] if isinstance(claim, list) else []


def _name(claims: Mapping[str, Any]) -> str:
    name = claims.get("name")
    return name[:80] if isinstance(name, str) else ""
