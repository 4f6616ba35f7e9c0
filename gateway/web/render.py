"""Turns a template and its facts into a page: language, messages, static addresses, numbers, headers."""

import gzip
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.web.assets import assets
from gateway.web.catalogue import LANGUAGES, Language, catalogue
from kernel.localtime import clock_text, day_text, local_day, number_text

TEMPLATES_FOLDER = Path(__file__).with_name("templates")
NO_BREAK_SPACE = "\u00a0"
_COMPRESSION = 6

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def language_of(request: Request) -> Language:
    """The language a person chose, Danish until then."""
    chosen = request.cookies.get("lang")
    return next((language for language in LANGUAGES if language == chosen), "da")


def render(request: Request, template: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """A whole page.

    Parameters
    ----------
    request
        Names the language (cookie ``lang``) and the address of the page.
    template
        Path below ``templates``.
    status_code
        HTTP status of the answer.
    **context
        Facts for the template. Beside them every template has ``language``, ``here`` (path and query of the
        page), ``t(key, **facts)`` and ``static(name)``, and the filters ``clock``, ``day``, ``week``,
        ``number``, ``kroner`` and ``percent``.
    """
    headers = {**SECURITY_HEADERS, "Cache-Control": "no-store", "Vary": "Accept-Encoding, Cookie"}
    page = fragment(request, template, **context).encode()
    if "gzip" in request.headers.get("accept-encoding", ""):
        page = gzip.compress(page, _COMPRESSION, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return HTMLResponse(page, status_code=status_code, headers=headers)


def fragment(request: Request, template: str, **context: Any) -> str:
    """A template as text, for a part of a page. Takes the same context as :func:`render`."""
    language = language_of(request)

    def t(key: str, **facts: object) -> str:
        return catalogue().text(language, key, **facts)

    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    who = getattr(request.state, "who", None)  # absent where a page asks nobody to sign in
    signed_in_as = "" if who is None else who.role.value
    given = {"language": language, "here": here, "t": t, "signed_in_as": signed_in_as}
    return _environment().get_template(template).render({**given, **context})


def messages_for_scripts(*prefixes: str, languages: Sequence[Language]) -> dict[str, dict[str, str]]:
    """Messages by language and key, for the element that ``static/shared/messages.js`` reads.

    Placed as ``<script type="application/json" id="messages">{{ messages | tojson }}</script>``.
    """
    return {language: dict(catalogue().subset(language, *prefixes)) for language in languages}


def kroner_text(amount_dkk_ore: int, decimals: int = 2) -> str:
    """``44,07 kr.`` from 4407 øre."""
    return f"{number_text(amount_dkk_ore / 100, decimals)}{NO_BREAK_SPACE}kr."


def percent_text(ratio: float, decimals: int = 0) -> str:
    """``4,2 %`` from 0.042 with one decimal."""
    return f"{number_text(ratio * 100, decimals)}{NO_BREAK_SPACE}%"


def week_text(day: date, language: Language = "da") -> str:
    """``uge 48`` or ``week 48``, ISO 8601 weeks as Danish calendars count them."""
    return f"{'uge' if language == 'da' else 'week'}{NO_BREAK_SPACE}{day.isocalendar().week}"


def _day(value: date | datetime, language: str = "da") -> str:
    return day_text(local_day(value) if isinstance(value, datetime) else value, language)


def _month(value: str, language: Language = "da") -> str:
    """``oktober 2026`` of ``2026-10``."""
    return f"{catalogue().text(language, f'claims.month.{int(value[5:])}')} {value[:4]}"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = assets().url
    environment.filters.update(
        clock=clock_text,
        day=_day,
        month=_month,
        week=week_text,
        number=number_text,
        kroner=kroner_text,
        percent=percent_text,
    )
    # tojson escapes <, >, & and ', so that a message can stand inside a script element; Danish stays readable
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "ensure_ascii": False}
    return environment
