"""Answers to questionnaires: counted ones come in as a file, and go out with what few persons said left out.

The file is a CSV in UTF-8, separated by ``;`` or ``,``: ``unit;measurement;questionnaire;question;answer;count``. It is
taken in whole or not at all; every question of a questionnaire has to be there with every answer, so that a row left
out is no zero by mistake.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session, col, select

from kernel.work import Work
from metrics.errors import EvaluationFileError, Problem, TimeStudyError
from metrics.evaluation.points import POINTS
from metrics.evaluation.questionnaire import Questionnaire, load_questionnaires
from metrics.evaluation.tables import EvaluationAnswersRow
from metrics.study_csv import read_table
from metrics.suppression import MINIMUM_SUBJECTS, Cell, withhold

COLUMNS = ("unit", "measurement", "questionnaire", "question", "answer", "count")
MAXIMUM_COUNT = 100_000
MAXIMUM_BYTES = 500_000
Counts = dict[str, dict[str, int]]
#: the same in English and in Danish
Words = tuple[str, str]
_BEGUN: Words = ("a measurement that has begun", "en måling, der er begyndt")
_COUNT: Words = (f"a whole number below {MAXIMUM_COUNT}", f"et helt tal under {MAXIMUM_COUNT}")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which answers a file is about: one questionnaire in one unit and measurement."""

    unit_id: str
    point: str
    questionnaire: str


@dataclass(frozen=True, slots=True)
class ShownQuestion:
    """What may be shown of one question. A count is absent where it is withheld, ``respondents`` as well."""

    question: str
    respondents: int | None
    counts: Mapping[str, int | None]


def import_answers(work: Work, content: bytes, open_points: Collection[tuple[str, str, str]], by_role: str) -> int:
    """Take in a file of counted answers; of a measurement that has some already the new ones are shown from now on.

    Parameters
    ----------
    open_points
        The technology, unit and measurement that may be answered about: adopted, begun, and seen by who imports.
    by_role
        The role that imports, not a person.

    Returns
    -------
    int
        How many questionnaires of a unit and measurement were taken in.

    Raises
    ------
    EvaluationFileError
        Every problem of the file; nothing was taken in.
    """
    read = read_answers(content, open_points)
    forms = load_questionnaires()
    for asked, counts in sorted(read.items(), key=lambda one: (one[0].unit_id, one[0].questionnaire, one[0].point)):
        work.session.add(
            EvaluationAnswersRow(
                questionnaire=asked.questionnaire,
                questionnaire_version=forms[asked.questionnaire].version,
                unit_id=asked.unit_id,
                point=asked.point,
                counts=counts,
                by_role=by_role,
                imported_at=work.now,
            )
        )
    return len(read)


def read_answers(content: bytes, open_points: Collection[tuple[str, str, str]]) -> dict[Asked, Counts]:
    """The counts of a file, all of them sound. Raises ``EvaluationFileError``."""
    if len(content) > MAXIMUM_BYTES:
        raise EvaluationFileError(
            [_problem(("file", "filen"), (f"at most {MAXIMUM_BYTES} bytes", f"højst {MAXIMUM_BYTES} byte"), "> max")]
        )
    try:
        table = read_table(content, COLUMNS)
    except TimeStudyError as err:
        # The reader of CSV speaks of measurements; here they are answers.
        raise EvaluationFileError([_of_table(one) for one in err.problems]) from err
    problems = [_of_table(one) for one in table.problems]
    found: dict[Asked, Counts] = defaultdict(lambda: defaultdict(dict))
    for path, row in table.rows:
        _take(path, {column: row[column].strip() for column in COLUMNS}, open_points, found, problems)
    if not problems:
        problems += _missing(found)
    if problems:
        raise EvaluationFileError(problems)
    return {asked: {question: dict(counts) for question, counts in one.items()} for asked, one in found.items()}


def _take(
    path: str,
    row: Mapping[str, str],
    open_points: Collection[tuple[str, str, str]],
    found: Mapping[Asked, Counts],
    problems: list[Problem],
) -> None:
    """One row into the counts, or what is wrong with it."""
    form = load_questionnaires().get(row["questionnaire"])
    fault = ("questionnaire", _one_of(load_questionnaires())) if form is None else _fault(form, row, open_points)
    counts = found[Asked(row["unit"], row["measurement"], row["questionnaire"])][row["question"]]
    if fault is None and row["answer"] in counts:
        fault = ("answer", ("every answer of a question once", "hvert svar på et udsagn én gang"))
    if fault is not None:
        column, expected = fault
        problems.append(_problem(_place(path, column), expected, row[column] or "–"))
        return
    counts[row["answer"]] = int(row["count"])


def _fault(
    form: Questionnaire, row: Mapping[str, str], open_points: Collection[tuple[str, str, str]]
) -> tuple[str, Words] | None:
    """The first column of a row that is wrong, and what was expected there."""
    technology, unit, count = form.technology, row["unit"], row["count"]
    questions, answers = [q.id for q in form.questions], [a.id for a in form.answers]
    whole = count.isascii() and count.isdigit() and len(count) < len(str(MAXIMUM_COUNT))
    checks = (
        (row["measurement"] in POINTS, "measurement", _one_of(POINTS)),
        (
            any((technology, unit) == known[:2] for known in open_points),
            "unit",
            (f"a centre you see where {technology} is in use", f"et center, du kan se, hvor {technology} er i brug"),
        ),
        ((technology, unit, row["measurement"]) in open_points, "measurement", _BEGUN),
        (row["question"] in questions, "question", _one_of(questions)),
        (row["answer"] in answers, "answer", _one_of(answers)),
        (whole, "count", _COUNT),
    )
    return next(((column, expected) for right, column, expected in checks if not right), None)


def _missing(found: Mapping[Asked, Counts]) -> list[Problem]:
    if not found:
        return [_problem(("row 2", "række 2"), ("at least one counted answer", "mindst ét optalt svar"), "–")]
    problems: list[Problem] = []
    for asked, counts in found.items():
        form = load_questionnaires()[asked.questionnaire]
        wanted = {(q.id, a.id) for q in form.questions for a in form.answers}
        for question, answer in sorted(wanted - {(q, a) for q, of_it in counts.items() for a in of_it}):
            where = f"{asked.questionnaire}, {asked.unit_id}, {asked.point}"
            expected = (f"a row for {question}, {answer}", f"en række med {question}, {answer}")
            problems.append(_problem((where, where), expected, "–"))
    return problems


def _problem(path: Words, expected: Words, found: str) -> Problem:
    return Problem(path[0], expected[0], found, path[1], expected[1])


def _place(path: str, column: str) -> Words:
    # The reader says "row 2"; columns are called as in the file.
    return f"{path}, {column}", f"{path.replace('row', 'række')}, {column}"


def _one_of(words: Iterable[str]) -> Words:
    known = list(words)
    return " or ".join(known), " eller ".join(known)


def _of_table(problem: Problem) -> Problem:
    """What the reader of CSV found, in Danish too: a file that is no such table."""
    expected_da = f"en CSV-fil i UTF-8 med kolonnerne {', '.join(COLUMNS)}"
    return replace(problem, path_da=problem.path.replace("row", "række"), expected_da=expected_da)


def newest_answers(session: Session, unit_ids: Collection[str]) -> dict[Asked, EvaluationAnswersRow]:
    """The answers in force of some units."""
    query = select(EvaluationAnswersRow).where(col(EvaluationAnswersRow.unit_id).in_(sorted(unit_ids)))
    rows = session.exec(query.order_by(col(EvaluationAnswersRow.id)))
    return {Asked(row.unit_id, row.point, row.questionnaire): row for row in rows}


def shown_questions(form: Questionnaire, counts: Counts) -> list[ShownQuestion]:
    """What of counted answers may be shown: no answer of one to four persons, also not as the rest of the others.

    A question that fewer than five answered is withheld whole.
    """
    shown: list[ShownQuestion] = []
    for question in form.questions:
        of_it = {answer.id: counts.get(question.id, {}).get(answer.id, 0) for answer in form.answers}
        total = sum(of_it.values())
        if total < MINIMUM_SUBJECTS:
            shown.append(ShownQuestion(question.id, None, dict.fromkeys(of_it)))
            continue
        hidden = withhold([Cell(answer, count) for answer, count in of_it.items()], total)
        left = {answer: None if answer in hidden.keys else count for answer, count in of_it.items()}
        shown.append(ShownQuestion(question.id, None if hidden.total else total, left))
    return shown


def blank_file(form: Questionnaire, unit_id: str, point: str) -> list[Sequence[str]]:
    """The rows of a file to fill in, without the counts."""
    return [(unit_id, point, form.id, q.id, a.id, "") for q in form.questions for a in form.answers]


def forms_of(technology: str) -> Iterable[Questionnaire]:
    """The questionnaires about a technology, staff before citizens."""
    return [form for form in load_questionnaires().values() if form.technology == technology]
