"""What is wrong with a day file: all problems at once, each with its place, what was expected and found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kernel.errors import DomainError, ErrorKind, ErrorText

NOTHING = "nothing"
"""What was found where a field is missing."""

_EXPECTED: Mapping[str, str] = {
    "missing": "a value",
    "extra_forbidden": "no field of this name",
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "frozen_set_type": "a list",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "finite_number": "a finite number",
    "datetime_type": "an instant with offset, like 2026-11-25T07:00:00+01:00",
    "datetime_parsing": "an instant with offset, like 2026-11-25T07:00:00+01:00",
    "datetime_from_date_parsing": "an instant with offset, like 2026-11-25T07:00:00+01:00",
    "timezone_aware": "an instant with offset, like 2026-11-25T07:00:00+01:00",
    "date_type": "a date, like 2026-11-25",
    "date_parsing": "a date, like 2026-11-25",
    "date_from_datetime_parsing": "a date, like 2026-11-25",
    "string_too_short": "text that is not empty",
}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong: JSON path (``$.visits[3].citizen_id``), what was expected, what was found."""

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


class DayFileError(DomainError):
    """A day file that cannot be used. Nothing of it is. ``problems`` has all of them."""

    texts: ClassVar[Mapping[str, ErrorText]] = {
        "day_file_invalid": ErrorText(
            ErrorKind.INVALID,
            "Dagsfilen kan ikke bruges. {count} fejl, den første: {first}. Ret filen, og prøv igen.",
            "The day file cannot be used. {count} problems, the first: {first}. Correct it and try again.",
        ),
    }

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        if not self.problems:
            raise ValueError("Expected at least one problem, got none.")
        super().__init__("day_file_invalid", count=len(self.problems), first=str(self.problems[0]))


def shown(value: object) -> str:
    """A JSON value as a person finds it in the file, cut at 60 characters."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def path_of(*steps: str | int) -> str:
    """The JSON path of keys and indices."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def parse_json(raw: bytes) -> Any:
    """The JSON value of a file; raises :class:`DayFileError` with line and column if it is none."""

    def refuse(name: str) -> float:
        raise ValueError(f"{name} is not a number of JSON")

    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=refuse)
    except UnicodeDecodeError as err:
        raise DayFileError([Problem("$", "text in UTF-8", f"byte {err.start} that is none")]) from err
    except json.JSONDecodeError as err:
        found = f"{err.msg} at line {err.lineno} column {err.colno}"
        raise DayFileError([Problem("$", "JSON", found)]) from err
    except (ValueError, RecursionError) as err:
        raise DayFileError([Problem("$", "JSON", str(err))]) from err


def schema_problems(error: ValidationError, value: object) -> list[Problem]:
    """The problems a schema found, with paths into the file (tags of unions are no part of it)."""
    return [_problem(detail, value) for detail in error.errors(include_url=False)]


def duplicate_ids(value: object, collection: str) -> Iterable[Problem]:
    """Ids used twice in a list of objects."""
    seen: dict[object, int] = {}
    for index, item in enumerate(items_of(value, collection)):
        found = item.get("id") if isinstance(item, dict) else None
        if not isinstance(found, str):
            continue
        if found in seen:
            expected = f"an id of its own, not that of {path_of(collection, seen[found])}"
            yield Problem(path_of(collection, index, "id"), expected, shown(found))
        else:
            seen[found] = index


def matrix_problems(matrix: object, size: int | None, *steps: str | int) -> Iterator[Problem]:
    """Whether a matrix is square and (where ``size`` is given) as large as expected."""
    if not isinstance(matrix, list):
        return
    size = len(matrix) if size is None else size
    if len(matrix) != size:
        yield Problem(path_of(*steps), f"{size} rows", f"{len(matrix)} rows")
    for index, row in enumerate(matrix):
        if isinstance(row, list) and len(row) != size:
            yield Problem(path_of(*steps, index), f"{size} columns", f"{len(row)} columns")


def items_of(value: object, collection: str) -> list[Any]:
    """The list under a key, or none where the file has another shape (the schema tells of that)."""
    found = value.get(collection) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _problem(detail: ErrorDetails, value: object) -> Problem:
    kind = detail["type"]
    steps: list[str | int] = []
    here = value
    for number, step in enumerate(detail["loc"]):
        is_name_of_missing = kind == "missing" and number == len(detail["loc"]) - 1
        if isinstance(here, dict) and step in here:
            here = here[str(step)]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif not is_name_of_missing:
            continue
        steps.append(step)
    found = NOTHING if kind == "missing" else shown(here)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        # The wrong thing is the field that tells the kinds apart, not the whole object.
        context = detail["ctx"]
        steps.append(str(context["discriminator"]).strip("'"))
        found = shown(context["tag"]) if "tag" in context else NOTHING
    return Problem(path_of(*steps), _expected(detail), found)


_EXPECTED_WITH: Mapping[str, str] = {
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than_equal": "a number >= {ge}",
    "greater_than": "a number > {gt}",
    "less_than_equal": "a number <= {le}",
    "union_tag_invalid": "one of {expected_tags}",
    "union_tag_not_found": "a value",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_long": "text of at most {max_length} characters",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}


def _expected(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind in _EXPECTED_WITH:
        return _EXPECTED_WITH[kind].format_map(detail.get("ctx", {}))
    return _EXPECTED.get(kind, detail["msg"])
