"""Counted answers: taken in whole or not at all, and shown without what few persons said."""

from datetime import UTC, datetime

import pytest

from kernel.clock import SimulatedWorldClock
from kernel.database import Database
from kernel.work import UnitsOfWork
from metrics.errors import EvaluationFileError
from metrics.evaluation.answers import (
    COLUMNS,
    Asked,
    blank_file,
    import_answers,
    newest_answers,
    read_answers,
    shown_questions,
)
from metrics.evaluation.questionnaire import load_questionnaires

FORM = load_questionnaires()["screen-citizens"]
OPEN = {("screen", "nord", "initially"), ("screen", "syd", "initially"), ("keys", "nord", "midway")}


def filled(count: str = "7", unit: str = "nord", point: str = "initially", form: str = FORM.id) -> list[list[str]]:
    rows = blank_file(load_questionnaires()[form], unit, point)
    return [[*row[:-1], count] for row in rows]


def content(rows: list[list[str]]) -> bytes:
    return "\n".join(";".join(row) for row in [list(COLUMNS), *rows]).encode()


def test_every_questionnaire_is_about_a_measured_technology_and_asks_both_languages() -> None:
    forms = load_questionnaires().values()
    assert {(form.technology, form.audience) for form in forms} == {
        (technology, audience) for technology in ("screen", "transfers", "keys") for audience in ("staff", "citizens")
    }
    assert all(q.text_da != q.text_en for form in forms for q in form.questions)


def test_a_filled_in_questionnaire_comes_in_and_a_later_one_takes_its_place(database: Database) -> None:
    units = UnitsOfWork(database, SimulatedWorldClock(datetime(2026, 11, 3, 9, tzinfo=UTC)))
    for count in ("7", "9"):
        with units.begin() as work:
            assert import_answers(work, content(filled(count) + filled(count, "syd")), OPEN, "manager") == 2
    with database.reading() as session:
        found = newest_answers(session, ["nord"])
    assert list(found) == [Asked("nord", "initially", FORM.id)]
    row = found[Asked("nord", "initially", FORM.id)]
    assert set(row.counts["easy"].values()) == {9}
    assert (row.questionnaire_version, row.by_role) == (FORM.version, "manager")


@pytest.mark.parametrize(
    ("column", "text", "path", "expected"),
    [
        (5, "-1", "row 2, count", "a whole number"),
        (5, "syv", "row 2, count", "a whole number"),
        (5, "", "row 2, count", "a whole number"),
        (4, "maybe", "row 2, answer", "agree or"),
        (3, "name", "row 2, question", "easy or"),
        (2, "screen", "row 2, questionnaire", "screen-staff"),
        (1, "finally", "row 2, measurement", "has begun"),
        (1, "soon", "row 2, measurement", "initially or"),
        (0, "amager", "row 2, unit", "a centre you see"),
    ],
)
def test_a_wrong_cell_is_named_and_nothing_is_taken_in(
    database: Database, column: int, text: str, path: str, expected: str
) -> None:
    rows = filled()
    rows[0][column] = text
    units = UnitsOfWork(database, SimulatedWorldClock(datetime(2026, 11, 3, 9, tzinfo=UTC)))
    with pytest.raises(EvaluationFileError) as refused, units.begin() as work:
        import_answers(work, content(rows), OPEN, "manager")
    assert refused.value.problems[0].path == path
    assert expected in refused.value.problems[0].expected
    with database.reading() as session:
        assert newest_answers(session, ["nord"]) == {}


def test_a_row_left_out_is_no_zero_and_one_given_twice_is_refused() -> None:
    with pytest.raises(EvaluationFileError) as missing:
        read_answers(content(filled()[1:]), OPEN)
    assert missing.value.problems[0].expected == "a row for easy, agree"
    with pytest.raises(EvaluationFileError) as twice:
        read_answers(content([*filled(), filled()[0]]), OPEN)
    assert twice.value.problems[0].expected == "every answer of a question once"
    with pytest.raises(EvaluationFileError, match="the columns unit"):
        read_answers(b"unit;count\nnord;7", OPEN)


def shown(*counts: int) -> tuple[int | None, list[int | None]]:
    answers = [answer.id for answer in FORM.answers]
    one = shown_questions(FORM, {"easy": dict(zip(answers, counts, strict=True))})[0]
    return one.respondents, list(one.counts.values())


def test_answers_of_few_are_left_out_also_where_the_rest_would_tell_them() -> None:
    assert shown(9, 8, 7, 6, 5) == (35, [9, 8, 7, 6, 5])
    assert shown(9, 0, 7, 6, 5) == (27, [9, 0, 7, 6, 5])
    # one small answer takes the smallest other one with it
    assert shown(9, 8, 7, 6, 2) == (32, [9, 8, 7, None, None])
    assert shown(2, 1, 1, 0, 0) == (None, [None] * 5)
