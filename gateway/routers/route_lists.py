"""Emergency lists over HTTP: which editions there are, and one as a paper. Every opening is written down."""

from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Query, Response
from sqlmodel import Session, col, select

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import EdgeError
from gateway.parts import Parts
from gateway.routing import Router
from gateway.usecases.route_lists import edition_of, editions, new_edition, note_opening
from gateway.views.route_list import UnitList, unit_list
from gateway.views.route_list_paper import Edition, carer_paper, unit_paper
from gateway.wire import iso
from kernel.errors import KernelError
from scheduling.model import UnitKind
from scheduling.register.tables import UnitRow
from scheduling.shifts import day_of_boards

router = Router(prefix="/api/v1", tags=["planner"])
Office = Annotated[Who, Depends(require(Role.PLANNER, Role.MANAGER))]
UnitId = Annotated[str, Query(max_length=64)]


@router.get("/route-lists")
def route_lists(who: Office, parts: PartsDep, read: ReadDep, day: date | None = None) -> dict[str, Any]:
    """The units one sees with the newest edition of their list, null where there is none yet. No names."""
    on = day or _day_now(parts, read, who)
    newest = editions(read, who.unit_ids, on)
    return {
        "day": on.isoformat(),
        "lists": [
            {
                "unit_id": unit.id,
                "unit_name": unit.name,
                "edition": newest[unit.id].edition if unit.id in newest else None,
                "made_at": iso(newest[unit.id].made_at) if unit.id in newest else None,
                "route_count": newest[unit.id].route_count if unit.id in newest else None,
            }
            for unit in units_with_routes(read, who)
        ],
    }


@router.get("/route-lists.pdf")
def route_list_pdf(
    who: Office,
    parts: PartsDep,
    read: ReadDep,
    unit: UnitId,
    day: date | None = None,
    carer: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """A unit's list as it stands now, or one carer's route of it."""
    content, edition = opened(parts, read, who, unit, day or _day_now(parts, read, who), "pdf", carer)
    phone = parts.settings.duty_phone
    if carer is None:
        paper = unit_paper(content, edition, phone)
    else:
        try:
            paper = carer_paper(content, carer, edition, phone)
        except KeyError:
            raise KernelError("not_found", what="Ruten") from None
    # Neither unit nor carer in the name: it ends in a folder of downloads.
    name = f"noedliste-{content.day.isoformat()}-udgave-{edition.number}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(paper, media_type="application/pdf", headers=headers)


def opened(
    parts: Parts, read: Session, who: Who, unit_id: str, day: date, form: str, carer_id: str | None = None
) -> tuple[UnitList, Edition]:
    """A unit's list as it stands, its edition, and a note of who opened it.

    Raises
    ------
    EdgeError
        ``other_unit``.
    """
    if not who.sees(unit_id):
        raise EdgeError(403, "other_unit", "Den enhed er ikke din.", "That unit is not yours.")
    content = unit_list(read, unit_id, day)
    # A request that holds one connection and waits for another can, forty at once, wait for itself.
    read.commit()
    with parts.units.begin() as work:
        edition = edition_of(new_edition(work, content))
        note_opening(work, who, content, form, carer_id)
    return content, edition


def units_with_routes(read: Session, who: Who) -> list[UnitRow]:
    """The home-care units somebody sees, by name: a residence has a rota and no routes."""
    query = select(UnitRow).where(col(UnitRow.id).in_(sorted(who.unit_ids)), UnitRow.kind == UnitKind.HOME_CARE)
    return list(read.exec(query.order_by(col(UnitRow.name))).all())


def _day_now(parts: Parts, read: Session, who: Who) -> date:
    """Today; after midnight the night that is under way, until somebody of the new date is due."""
    return day_of_boards(read, parts.clock.now(), who.unit_ids)[0]
