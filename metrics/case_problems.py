"""What the schema of a business case has to complain about, as a place, what was expected and what stood there."""

from collections.abc import Callable, Mapping
from typing import Any

from metrics.errors import Problem

#: What a field is for, told to somebody who left it out.
_MEANING: Mapping[str, str] = {
    "id": "a name of its own",
    "technology": "screen, transfers, keys, routing, tablets or citizen_access",
    "component": "the part of the technology the case is about",
    "clock": "the clock its minutes are counted on",
    "title_da": "a Danish title",
    "title_en": "an English title",
    "municipality": "whose case it is",
    "document": "number, first and last line of the document",
    "price_level": "the price level of the amounts",
    "money_unit_dkk": "what one unit of the amounts is in kroner",
    "sign": "negative_is_saving",
    "years": "the years of the money table",
    "drivers": "at least one: population, minutes, clock",
    "saving_row": "the row of money that pays for the time",
    "payback_years": "years until it has paid for itself, with line",
    "figures": "the numbers of the text, each with unit and line",
    "rows": "the rows of the money table",
    "sums": "which rows are the sum of which",
    "rollout": "units with share, beginning and full implementation",
    "success_criteria": "how it is measured, by whom, when",
    "contradictions": "what the document says in two ways, or an empty list",
    "line": "the line of the document it stands on",
    "population": "how many, with line",
    "rates": "how much each, with line",
    "from_on": "the day it begins",
}


def case_problem(error: Mapping[str, Any]) -> Problem:
    """One error of pydantic's as a problem of the file; tags of its own making are left out of the path."""
    path = ".".join(str(part) for part in error["loc"]) or "file"
    last = str(error["loc"][-1]) if error["loc"] else ""
    kind = error["type"]
    if kind == "missing":
        return Problem(path, _MEANING.get(last, "a value"), "nothing")
    if kind == "extra_forbidden":
        return Problem(path, "no such field", last)
    expected = _EXPECTED.get(kind, _from_message)(error)
    return Problem(path, expected, _short(error.get("input")))


def _from_message(error: Mapping[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return message.removeprefix("Expected ").rstrip(".")


def _choices(error: Mapping[str, Any]) -> str:
    return str(error["ctx"]["expected"]).replace("'", "")


_EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "literal_error": _choices,
    "int_type": lambda _error: "a whole number",
    "int_from_float": lambda _error: "a whole number",
    "float_type": lambda _error: "a number",
    "string_type": lambda _error: "a text",
    "date_from_datetime_parsing": lambda _error: "a day like 2026-10-01",
    "date_type": lambda _error: "a day like 2026-10-01",
    "too_short": lambda _error: "at least one",
}


def _short(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        return f"{len(value)} values"
    text = "nothing" if value is None or value == "" else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
