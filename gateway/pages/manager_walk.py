"""The walk from a figure to its ledger entries, and from an entry to the events behind it, for a stated purpose."""

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote, unquote

from fastapi import Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from gateway.auth import Role
from gateway.deps import PartsDep, WorkDep
from gateway.errors import EdgeError
from gateway.pages import manager_facts as facts
from gateway.pages.manager_choice import Chosen, Manager, needed, technology_of
from gateway.pages.manager_matrix import Span, matrix_of
from gateway.routing import Router
from gateway.views.audit import rule_text
from gateway.web.render import language_of, render
from kernel.localtime import local_day
from metrics import walk
from metrics.covered_days import Days
from metrics.errors import BenefitError
from metrics.handed_over import days_of_unit
from metrics.pseudonyms import Pseudonyms
from metrics.report_words import subjects_text
from metrics.tables import EntryRow
from metrics.targets import AdoptedUnit
from metrics.technologies import OCCASION_KINDS, TECHNOLOGIES, Technology, name_of

ROLES = {Role.MANAGER: "benefit_owner", Role.AUDITOR: "auditor"}
PURPOSE_COOKIE = "purpose"
ENTRIES_A_PAGE = 100
#: The derived inputs of an entry that a page shows, in this order; the others only help to recompute it.
INPUTS: dict[Technology, tuple[str, ...]] = {
    "keys": ("head_s", "tail_s", "door_loss_s", "failed_doors", "key_stops"),
    "screen": (
        "visit_s",
        "travel_s",
        "screen_s",
        "follow_up_s",
        "failed_screen_s",
        "visits",
        "screen_visits",
        "failed_screen_visits",
        "follow_ups",
        "visits_without_travel",
    ),
    "transfers": ("second_carer_s", "setup_s", "transfers", "unanswered"),
    "routing": ("legs", "travel_s", "breaks", "break_s", "screen_citizen_legs"),
}

router = Router(include_in_schema=False)


@router.post("/leder/formaal")
def state_purpose(
    _who: Manager,
    parts: PartsDep,
    purpose: Annotated[str, Form(alias="formaal", max_length=300)],
    to: Annotated[str, Form(alias="til", max_length=400)] = "/leder",
) -> RedirectResponse:
    """Keep the stated purpose for this visit; every step of the walk records it."""
    target = to if to.startswith("/leder") else "/leder"
    answer = RedirectResponse(target, status_code=303)
    answer.set_cookie(
        PURPOSE_COOKIE,
        quote(purpose.strip()),
        path="/leder",
        httponly=True,
        samesite="strict",
        secure=parts.settings.http.secure_cookies,
    )
    return answer


@router.get("/leder/post/{entry_id}")
def entry_page(request: Request, entry_id: int, who: Manager, parts: PartsDep, work: WorkDep) -> HTMLResponse:
    """One ledger entry: its figures, baseline and the events behind it, by position."""
    purpose = _purpose(request)
    if purpose is None:
        return _ask(request)
    row = work.session.get(EntryRow, entry_id)
    if row is not None and not who.sees(row.unit_id):
        raise EdgeError(403, "other_unit", "Det center kan du ikke se.", "You cannot see that centre.")
    found = walk.walk_entry(
        work, entry_id, purpose=purpose, role=ROLES[who.role], pseudonyms=Pseudonyms(parts.pseudonym_key)
    )
    entry = found.entry
    technology = _known(entry.technology)
    adoptions = () if parts.benefits is None else parts.benefits.adoptions.values()
    names = {unit.unit_id: unit.name for adoption in adoptions for unit in adoption.units}
    weekly = OCCASION_KINDS[technology] == "citizen_week"
    return render(
        request,
        "manager/entry.html",
        walked=found,
        unit_name=names.get(entry.unit_id, entry.unit_id),
        technology_text=name_of(technology, language_of(request)),
        occasion=OCCASION_KINDS[technology],
        # An entry of a week bears the day the week ends on.
        first_on=entry.day_on - timedelta(days=6) if weekly else entry.day_on,
        inputs=[(name, entry.inputs[name]) for name in INPUTS.get(technology, ()) if entry.inputs.get(name)],
        time_text=facts.time_text,
        rule_text=rule_text,
        purpose=purpose,
    )


@router.get("/leder/{technology}/poster")
def entries_page(
    request: Request,
    technology: str,
    who: Manager,
    parts: PartsDep,
    work: WorkDep,
    choice: Chosen,
    offset: Annotated[int, Query(alias="spring", ge=0)] = 0,
) -> HTMLResponse:
    """The entries behind one cell, in the order they were written. The purpose is asked for once."""
    chosen = needed(choice)
    if chosen.unit_id is None:
        raise EdgeError(422, "unit_needed", "Vælg et center først.", "Choose a centre first.")
    wanted = technology_of(chosen, technology)
    period, now = chosen.period, parts.clock.now()
    lived_on = min(period.to_on, local_day(now))

    def covered(unit: AdoptedUnit) -> Days | None:
        return days_of_unit(wanted, chosen.subjects[wanted].adoption, unit, (period.from_on, lived_on), now)

    days = {unit.unit_id: span for unit in chosen.seen(wanted) if (span := covered(unit)) is not None}
    language = language_of(request)
    context: dict[str, Any] = {
        "choice": chosen,
        "technology": wanted,
        "technology_text": name_of(wanted, language),
        "subjects_text": subjects_text(wanted, language),
        "unit": chosen.shown(wanted)[0],
        "time_text": facts.time_text,
    }
    mine = days.get(chosen.unit_id)
    if mine is None:
        return render(request, "manager/unsettled.html", occasion=OCCASION_KINDS[wanted], **context)
    whole = Span(min(first for first, _ in days.values()), max(last for _, last in days.values()))
    if matrix_of(work.session, wanted, days, [whole]).cells[0, chosen.unit_id].status == "withheld":
        return render(request, "manager/withheld.html", **context)
    purpose = _purpose(request)
    if purpose is None:
        return _ask(request)
    found = walk.walk_figure(
        work,
        technology=wanted,
        unit_id=chosen.unit_id,
        from_on=mine[0],
        to_on=mine[1],
        purpose=purpose,
        role=ROLES[who.role],
        offset=offset,
        limit=ENTRIES_A_PAGE,
    )
    return render(
        request,
        "manager/entries.html",
        **context,
        days=mine,
        found=found,
        offset=offset,
        page=ENTRIES_A_PAGE,
        purpose=purpose,
    )


def _known(name: str) -> Technology:
    return next(technology for technology in TECHNOLOGIES if technology == name)


def _purpose(request: Request) -> str | None:
    said = unquote(request.cookies.get(PURPOSE_COOKIE, "")).strip()
    return said if len(said) >= walk.MINIMUM_PURPOSE_CHARACTERS else None


def _ask(request: Request) -> HTMLResponse:
    error = BenefitError("walk_purpose_missing", minimum=walk.MINIMUM_PURPOSE_CHARACTERS)
    said = PURPOSE_COOKIE in request.cookies
    return render(
        request,
        "manager/purpose.html",
        minimum=walk.MINIMUM_PURPOSE_CHARACTERS,
        problem=error.text(language_of(request)) if said else None,
    )
