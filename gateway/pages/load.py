"""Drift, Belastning: the latest verdict of a load run in the work directory, and what it was measured on."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep
from gateway.load_verdict import Line, latest
from gateway.routing import Router
from gateway.web.catalogue import Language
from gateway.web.render import language_of, render
from kernel.localtime import number_text

router = Router(include_in_schema=False)

_DECIMALS = {"ms": 0, "s": 1, "ratio": 2, "count": 0}


@router.get("/drift/belastning")
def load_page(
    request: Request, parts: PartsDep, who: Annotated[Who, Depends(require(Role.OPERATIONS))]
) -> HTMLResponse:
    """Ready or not, measured against limit, and what share of the machine each process took."""
    language = language_of(request)

    def amount(line: Line, value: float | None) -> str:
        return _amount(line, value, language)

    return render(
        request,
        "load/page.html",
        who=who,
        now=parts.clock.now(),
        verdict=latest(parts.settings.work_dir),
        amount=amount,
    )


def _amount(line: Line, value: float | None, language: Language) -> str:
    """A figure with its unit; a share as per cent."""
    if value is None:
        if line.samples == 0:
            return "ikke målt" if language == "da" else "not measured"
        return "aldrig" if language == "da" else "never"
    shown = value * 100 if line.unit == "ratio" else value
    unit = {"ms": " ms", "s": " s", "ratio": " %", "count": ""}[line.unit]
    text = number_text(shown, _DECIMALS[line.unit])
    # Danish and English swap comma and full stop.
    swapped = text.translate(str.maketrans(",.", ".,")) if language == "en" else text
    return swapped + unit
