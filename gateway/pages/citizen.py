"""A citizen's own pages: who comes, who opened the door, who looked, what was agreed to. No script is needed."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Literal

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlmodel import Session

from gateway.auth import Role, Who
from gateway.deps import PartsDep, ReadDep
from gateway.parts import Parts
from gateway.routers.access_log import openings_file
from gateway.routers.citizen import AtHome, Citizen, ConsentKind, Decides, give_own, withdraw_own
from gateway.routing import Router
from gateway.usecases.citizens import note_look, own_citizen
from gateway.views import citizen as view
from gateway.web.catalogue import catalogue
from gateway.web.render import language_of, render
from kernel.localtime import clock_text, day_text, local_day
from scheduling.register.tables import CitizenRow

router = Router(include_in_schema=False)


@router.get("/mit")
def who_comes(request: Request, who: AtHome, parts: PartsDep, read: ReadDep) -> HTMLResponse:
    """Who comes today and in the coming week."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "visits", "relative")
    now = parts.clock.now()
    visits = view.visits_json(read, citizen, now, language_of(request))
    days = [(_day_name(request, on, local_day(now)), list(some)) for on, some in groupby(visits, lambda v: v["day"])]
    return _page(request, "citizen/visits.html", who, citizen, now, phone=parts.settings.duty_phone, days=days)


@router.get("/mit/doer")
def my_door(request: Request, who: AtHome, parts: PartsDep, read: ReadDep) -> HTMLResponse:
    """Who has opened the door."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "openings", "relative")
    now = parts.clock.now()
    entries = view.openings_json(read, citizen, now, language_of(request))
    facts = {
        "openings": entries,
        "has_lock": citizen.lock_device_id is not None,
        "days_back": view.DAYS_BACK,
        "reason_key": view.reason_key,
    }
    return _page(request, "citizen/door.html", who, citizen, now, phone=parts.settings.duty_phone, **facts)


@router.get("/mit/doer.csv")
def my_door_as_sheet(request: Request, who: AtHome, parts: PartsDep, read: ReadDep) -> Response:
    """The same as a sheet to keep."""
    return _door_file(request, who, parts, read, "csv")


@router.get("/mit/doer.json")
def my_door_as_data(request: Request, who: AtHome, parts: PartsDep, read: ReadDep) -> Response:
    """The same as data, for whoever wants to move or check it."""
    return _door_file(request, who, parts, read, "json")


@router.get("/mit/adgang")
def who_looked(request: Request, who: AtHome, parts: PartsDep, read: ReadDep) -> HTMLResponse:
    """Who has looked at the citizen's data."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "access_log", "relative")
    now = parts.clock.now()
    looks = view.access_json(read, citizen, now)
    facts = {"looks": looks, "days_back": view.DAYS_BACK}
    return _page(request, "citizen/access.html", who, citizen, now, phone=parts.settings.duty_phone, **facts)


@router.get("/mit/adgang.csv")
def who_looked_as_file(request: Request, who: AtHome, parts: PartsDep, read: ReadDep) -> Response:
    """The same as a file to keep."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "access_log", "relative")
    rows = [
        (
            *_when(look["at"]),
            _words(request, f"citizen.role.{look['role']}"),
            _words(request, f"citizen.what.{look['what']}"),
            _words(request, f"citizen.purpose.{look['purpose']}"),
        )
        for look in view.access_json(read, citizen, parts.clock.now())
    ]
    return _file(request, "adgang", ("date", "time", "who", "what", "purpose"), rows)


@router.get("/mit/samtykker")
def my_consents(
    request: Request, who: AtHome, parts: PartsDep, read: ReadDep, trukket: ConsentKind | None = None
) -> HTMLResponse:
    """What the citizen has agreed to. ``?trukket=`` says what just ended."""
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "consents", "relative")
    now = parts.clock.now()
    consents = view.consents_json(read, citizen, local_day(now))
    is_over = trukket is not None and not any(c["kind"] == trukket and c["holds"] for c in consents)
    held = {c["kind"] for c in consents if c["holds"]}
    facts = {
        "consents": consents,
        "ended": trukket if is_over else None,
        "decides": who.role is not Role.RELATIVE,
        "may_agree_to": {c["kind"] for c in consents} - held if who.role is Role.CITIZEN else set(),
    }
    return _page(request, "citizen/consents.html", who, citizen, now, phone=parts.settings.duty_phone, **facts)


@router.get("/mit/samtykker/{kind}")
def ask_before_ending(kind: ConsentKind, request: Request, who: Decides, parts: PartsDep, read: ReadDep) -> Response:
    """What will happen, before it does."""
    citizen = own_citizen(read, who)
    now = parts.clock.now()
    consents = view.consents_json(read, citizen, local_day(now))
    if not any(c["kind"] == kind and c["holds"] for c in consents):
        return RedirectResponse("/mit/samtykker", status_code=303)
    return _page(request, "citizen/withdraw.html", who, citizen, now, phone=parts.settings.duty_phone, kind=kind)


@router.post("/mit/samtykker/{kind}")
def end_consent(kind: ConsentKind, who: Decides, parts: PartsDep) -> RedirectResponse:
    """Take the consent back, and say what happens now."""
    withdraw_own(parts, who, kind)
    return RedirectResponse(f"/mit/samtykker?trukket={kind}", status_code=303)


@router.post("/mit/samtykker/{kind}/ja")
def agree_again(kind: ConsentKind, who: Citizen, parts: PartsDep) -> RedirectResponse:
    """Say yes again."""
    give_own(parts, who, kind)
    return RedirectResponse("/mit/samtykker", status_code=303)


def _door_file(request: Request, who: Who, parts: Parts, read: Session, form: Literal["csv", "json"]) -> Response:
    citizen = own_citizen(read, who)
    note_look(parts, read, who, citizen.id, "openings", "relative")
    language = language_of(request)
    return openings_file(view.openings_json(read, citizen, parts.clock.now(), language), language, form)


def _page(
    request: Request, template: str, who: Who, citizen: CitizenRow, now: datetime, *, phone: str, **facts: Any
) -> HTMLResponse:
    language = language_of(request)
    shown = {
        **facts,
        "phone": phone,
        "phone_link": phone.replace(" ", ""),
        "at": datetime.fromisoformat,
        "date_of": lambda text: f"{day_text(date.fromisoformat(text), language)} {text[:4]}",
    }
    return render(request, template, who=who, citizen_name=citizen.name, now=now, **shown)


def _day_name(request: Request, day: str, today: date) -> str:
    on = date.fromisoformat(day)
    text = day_text(on, language_of(request))
    if on == today:
        return _words(request, "citizen.today", day=text)
    return _words(request, "citizen.tomorrow", day=text) if on == today + timedelta(days=1) else text


def _when(at: str) -> tuple[str, str]:
    instant = datetime.fromisoformat(at)
    return local_day(instant).strftime("%d-%m-%Y"), clock_text(instant)


def _words(request: Request, key: str, **facts: object) -> str:
    return catalogue().text(language_of(request), key, **facts)


def _file(request: Request, name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Response:
    """Semicolons and a mark of the encoding: so that a Danish spreadsheet opens it as it is."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([_words(request, f"citizen.column.{column}") for column in columns])
    writer.writerows(rows)
    return Response(
        "\ufeff" + out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"},
    )
