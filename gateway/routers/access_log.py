"""An auditor reads who came through a citizen's door: roles and times, for a stated purpose, and the look is logged."""

import csv
import io
import json
from typing import Annotated, Any, Literal

from fastapi import Depends
from fastapi.responses import Response
from sqlmodel import select

from devices.events import AccessLogRead
from gateway.auth import Role, Who, require
from gateway.deps import PartsDep
from gateway.parts import Parts
from gateway.routers.emergency import require_own
from gateway.routing import Router
from gateway.usecases.citizens import note_access
from gateway.views import citizen as view
from gateway.web.catalogue import Language, catalogue
from kernel.errors import KernelError
from kernel.localtime import clock_text, local_day
from scheduling.register.tables import CitizenRow

router = Router(prefix="/api/v1", tags=["audit"])
Auditor = Annotated[Who, Depends(require(Role.AUDITOR))]
Purpose = Literal["inspection", "complaint", "request"]
Form = Literal["page", "csv", "json"]
COLUMNS = ("date", "time", "who", "reason", "sureness", "how")


@router.get("/citizens/{citizen_id}/door-log")
def door_log(
    citizen_id: str, who: Auditor, parts: PartsDep, purpose: Purpose, form: Literal["csv", "json"] = "json"
) -> Response:
    """The last 90 days of a citizen's door as a file. The citizen sees that it was read, by whom and why."""
    _, entries = read_door_log(parts, who, citizen_id, purpose, form)
    return openings_file(entries, "en" if who.language == "en" else "da", form)


def read_door_log(
    parts: Parts, who: Who, citizen_id: str, purpose: Purpose, form: Form
) -> tuple[CitizenRow, list[dict[str, Any]]]:
    """The openings of a citizen's door; that they were read is written down in the same transaction.

    Raises
    ------
    KernelError
        ``not_found``.
    EdgeError
        ``other_unit``.
    """
    with parts.units.begin() as work:
        citizen = work.session.get(CitizenRow, citizen_id)
        if citizen is None:
            raise KernelError("not_found", what="Borgeren")
        require_own(who, citizen.unit_id)
        note_access(work, who.role, citizen.id, "openings", purpose)
        work.record(
            AccessLogRead(
                at=work.now,
                unit_id=citizen.unit_id,
                citizen_id=citizen.id,
                by_role=who.role.value,
                purpose=purpose,
                form=form,
            )
        )
        entries = view.openings_json(work.session, citizen, work.now, who.language)
        work.session.expunge(citizen)
    return citizen, entries


def citizen_by_number(parts: Parts, who: Who, number: int) -> CitizenRow | None:
    """A citizen of one's units by the planners' number."""
    with parts.database.reading() as session:
        row = session.exec(select(CitizenRow).where(CitizenRow.short == number)).first()
    return row if row is not None and who.sees(row.unit_id) else None


def openings_file(entries: list[dict[str, Any]], language: Language, form: Literal["csv", "json"]) -> Response:
    """Openings as a file: words for a spreadsheet, codes and instants as data. No name in either."""
    if form == "json":
        body, media = json.dumps({"openings": entries}, ensure_ascii=False, indent=2), "application/json"
    else:
        body, media = _sheet(entries, language), "text/csv; charset=utf-8"
    headers = {"Content-Disposition": f'attachment; filename="doer.{form}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media, headers=headers)


def _sheet(entries: list[dict[str, Any]], language: Language) -> str:
    def t(key: str) -> str:
        return catalogue().text(language, key)

    # Semicolons and a mark of the encoding: so that a Danish spreadsheet opens it as it is.
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([t(f"citizen.column.{column}") for column in COLUMNS])
    for entry in entries:
        at = view.instant(entry["at"])
        writer.writerow(
            [
                local_day(at).strftime("%d-%m-%Y"),
                clock_text(at),
                t(f"citizen.role.{entry['role']}"),
                entry["service_name"] or t(view.reason_key(entry)),
                t(f"citizen.sure.{entry['sureness']}"),
                t("citizen.offline" if entry["offline"] else "citizen.online"),
            ]
        )
    return "\ufeff" + out.getvalue()
