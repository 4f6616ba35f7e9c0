"""Proposals for an absent carer's route as the planner reads them: whole solutions, for and against."""

from collections import Counter
from typing import Any

from sqlmodel import Session

from gateway.usecases.absences import Cover
from gateway.views.board import reason_text, shorts
from gateway.wire import iso
from scheduling.covering import CoverProposal
from scheduling.tables import VisitRow

SHIFT_SHOWN_S = 60.0


def cover_json(session: Session, cover: Cover, language: str) -> dict[str, Any]:
    """Every proposal with who takes what, what shifts, what is left over, and the route versions it needs."""
    visit_ids = {str(g.visit_id) for p in cover.proposals for g in p.given}
    visit_ids |= {str(u.visit_id) for p in cover.proposals for u in p.left_over}
    rows = {v.id: v for v in (session.get(VisitRow, i) for i in sorted(visit_ids)) if v is not None}
    numbers = shorts(session, rows.values())
    short = {v.id: str(numbers.get(v.citizen_id, "?")) for v in rows.values()}
    return {
        "waiting": cover.waiting,
        "proposals": [_proposal(p, cover, short, language) for p in cover.proposals],
    }


def _proposal(p: CoverProposal, cover: Cover, short: dict[str, str], language: str) -> dict[str, Any]:
    names = {c.id: c.name for c in p.day.carers}
    count = Counter(g.to_carer_id for g in p.given)
    return {
        "id": p.id,
        "kind": p.kind,
        "title": _title(p, len(count), names, language),
        "takes": [
            {"carer_id": c, "name": names[c], "visits": n}
            for c, n in sorted(count.items(), key=lambda item: (names[item[0]], item[0]))
        ],
        "moves": [
            {
                "visit_id": g.visit_id,
                "short": short.get(g.visit_id, "?"),
                "to_carer_id": g.to_carer_id,
                "to_name": names[g.to_carer_id],
                "start_at": iso(g.starts_at),
                "shifted_min": round(g.shifted_s / 60),
            }
            for g in p.given
        ],
        "left_over": [
            {
                "visit_id": u.visit_id,
                "short": short.get(u.visit_id, "?"),
                "reason": reason_text(u.reason, language),
            }
            for u in p.left_over
        ],
        "pros": _pros(p, language),
        "cons": _cons(p, language),
        "extra_min": round(p.extra_travel_s / 60),
        "versions": [{"route_id": r, "version": v} for r, v in sorted(cover.versions(p).items())],
    }


def _title(p: CoverProposal, carers: int, names: dict[Any, str], language: str) -> str:
    if p.substitute_id is not None:
        name = names[p.substitute_id]
        return f"{name} kaldes ind" if language == "da" else f"Call in {name}"
    return f"Fordel på {carers} kolleger" if language == "da" else f"Split among {carers} colleagues"


def _pros(p: CoverProposal, language: str) -> list[str]:
    da = language == "da"
    found = []
    if not p.left_over:
        found.append("Alle besøg bliver dækket" if da else "Every visit is covered")
    if p.shifted == 0:
        found.append("Ingen andre besøg flytter sig" if da else "No other visit shifts")
    if p.late_s < SHIFT_SHOWN_S:
        found.append("Inden for borgernes tidsrum" if da else "Within the citizens' windows")
    return found


def _cons(p: CoverProposal, language: str) -> list[str]:
    da = language == "da"
    found = []
    if p.left_over:
        n = len(p.left_over)
        found.append(f"{n} besøg bliver ikke fordelt" if da else f"{n} visits are left unallocated")
    if p.shifted:
        found.append(f"{p.shifted} andre besøg flytter sig" if da else f"{p.shifted} other visits shift")
    if p.late_s >= SHIFT_SHOWN_S:
        late = round(p.late_s / 60)
        found.append(f"I alt {late} min efter tidsrummet" if da else f"{late} min after the windows in all")
    if p.extra_travel_s >= SHIFT_SHOWN_S:
        extra = round(p.extra_travel_s / 60)
        found.append(f"{extra} min mere på vejen" if da else f"{extra} min more on the road")
    return found
