"""The page "Indlæsning": files of planning systems come in; those refused are shown with what to correct."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.routing import Router
from gateway.usecases.doors import tell_locks
from gateway.usecases.visits_in import bring_in
from gateway.views.visits_in import arrival_row_json
from gateway.web.render import render
from scheduling.exchange.arrivals import arrivals
from scheduling.exchange.reader import MAX_BYTES
from scheduling.exchange.sheets import SHEETS

router = Router(include_in_schema=False)
Planner = Annotated[Who, Depends(require(Role.PLANNER))]
PATH = "/planlaegger/indlaesning"


@router.get(PATH)
def imports_page(request: Request, who: Planner, read: ReadDep) -> HTMLResponse:
    """Files that came in, the newest first."""
    return render(
        request,
        "visits_in/imports.html",
        path=PATH,
        imports=[arrival_row_json(row) for row in arrivals(read, who.unit_ids, 20)],
        sheets={kind.value: [(c.headings[0], c.required) for c in columns] for kind, columns in SHEETS.items()},
        at=datetime.fromisoformat,
    )


@router.post(PATH)
def take_in(who: Planner, parts: PartsDep, file: UploadFile) -> Response:
    """Take a file in. Whether it was applied or refused, the page shows it first."""
    raw = file.file.read(MAX_BYTES + 1)
    with parts.units.begin() as work:
        _, locks = bring_in(work, raw, who.unit_ids, who.role.value)
    tell_locks(parts, locks)
    return RedirectResponse(PATH, status_code=303)
