"""*Evaluering*: three measurements of every centre, counted and asked about, in and out as files."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from gateway.auth import Role, Who, require
from gateway.deps import PartsDep, ReadDep
from gateway.errors import STATUS, EdgeError
from gateway.kept_overviews import evaluation_of
from gateway.pages import manager_facts as facts
from gateway.pages.evaluation_files import blank_csv, evaluation_csv, evaluation_workbook
from gateway.pages.manager_choice import Choice, Chosen, Manager, needed
from gateway.routing import Router
from gateway.web.render import language_of, render
from kernel.localtime import local_day
from metrics.errors import EvaluationFileError
from metrics.evaluation.answers import MAXIMUM_BYTES, import_answers
from metrics.evaluation.figures import Measurement, evaluation, open_points
from metrics.evaluation.points import PointKey
from metrics.evaluation.questionnaire import load_questionnaires
from metrics.technologies import TECHNOLOGIES, name_of

PATH = "/leder/evaluering"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

router = Router(include_in_schema=False)
Owner = Annotated[Who, Depends(require(Role.MANAGER))]


@router.get(PATH)
def evaluation_page(request: Request, _who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> HTMLResponse:
    """Every measurement of the centres chosen, what was counted in it and what was answered."""
    if choice is None:
        return render(request, "manager/not_adopted.html")
    return _page(request, parts, choice, *_measurements(parts, read, choice))


@router.post(PATH)
def take_answers(request: Request, _who: Owner, parts: PartsDep, choice: Chosen, file: UploadFile) -> Response:
    """Take in a file of counted answers; one that is wrong comes back with every place that is."""
    chosen = needed(choice)
    content = file.file.read(MAXIMUM_BYTES + 1)
    try:
        with parts.units.begin() as work:
            import_answers(work, content, _open(parts, chosen), "benefit_owner")
    except EvaluationFileError as err:
        with parts.database.reading() as read:
            found = _measurements(parts, read, chosen)
        return _page(request, parts, chosen, *found, problem=err, status=STATUS[err.kind])
    return RedirectResponse(f"{PATH}?{chosen.query(periode=None)}#answers", status_code=303)


@router.get(f"{PATH}.csv")
def evaluation_as_csv(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> Response:
    """The data set as CSV."""
    # The byte order mark makes Danish spreadsheets read the file as UTF-8.
    text = "\ufeff" + evaluation_csv(_measurements(parts, read, needed(choice))[0])
    return _file(text, "text/csv; charset=utf-8", "evaluering.csv")


@router.get(f"{PATH}.xlsx")
def evaluation_as_workbook(_who: Manager, parts: PartsDep, read: ReadDep, choice: Chosen) -> Response:
    """The data set as a workbook."""
    return _file(evaluation_workbook(_measurements(parts, read, needed(choice))[0]), _XLSX, "evaluering.xlsx")


@router.get(f"{PATH}/skema.csv")
def form_to_fill_in(
    _who: Manager,
    parts: PartsDep,
    choice: Chosen,
    form_id: Annotated[str, Query(alias="skema", max_length=64)] = "",
    unit_id: Annotated[str, Query(alias="center", max_length=64)] = "",
    point: Annotated[PointKey, Query(alias="maaling")] = "initially",
) -> Response:
    """A questionnaire as the file its counted answers come back in."""
    form = load_questionnaires().get(form_id)
    if form is None or (form.technology, unit_id, point) not in _open(parts, needed(choice)):
        raise EdgeError(
            404,
            "no_such_measurement",
            "Der er ikke begyndt en sådan måling. Vælg et skema på siden Evaluering.",
            "No such measurement has begun. Choose a questionnaire on the page Evaluation.",
        )
    text = "\ufeff" + blank_csv(form, unit_id, point)
    return _file(text, "text/csv; charset=utf-8", f"{form.id}-{unit_id}-{point}.csv")


def _open(parts: PartsDep, choice: Choice) -> set[tuple[str, str, str]]:
    mine = {unit.unit_id for unit in choice.mine}
    return open_points(choice.benefits.cases, choice.benefits.adoptions, mine, local_day(parts.clock.now()))


def _measurements(parts: PartsDep, read: ReadDep, choice: Choice) -> tuple[list[Measurement], datetime]:
    """Every measurement, and when it was counted; what was answered is read now."""
    now = parts.clock.now()
    counted = evaluation_of(parts, read, choice, now)
    measurements = evaluation(
        read,
        cases=choice.benefits.cases,
        adoptions=choice.benefits.adoptions,
        unit_ids={unit.unit_id for unit in choice.units},
        reading=choice.reading,
        now=now,
        counted=counted,
    )
    return measurements, counted.computed_at


def _page(
    request: Request,
    parts: PartsDep,
    choice: Choice,
    measurements: list[Measurement],
    counted_at: datetime,
    *,
    problem: EvaluationFileError | None = None,
    status: int = 200,
) -> HTMLResponse:
    language = language_of(request)
    return render(
        request,
        "manager/evaluation.html",
        status_code=status,
        **facts.age_of(counted_at, parts.clock.now()),
        choice=choice,
        choices=choice.mine,
        measurements=measurements,
        technologies=[t for t in TECHNOLOGIES if any(one.technology == t for one in measurements)],
        names={technology: name_of(technology, language) for technology in TECHNOLOGIES},
        verdict_of=facts.verdict_of,
        hours=facts.hours_of([one.row for one in measurements if one.row is not None], single_day=False),
        time_text=facts.time_text,
        problem="" if problem is None else problem.text(language),
        problems=() if problem is None else problem.problems,
    )


def _file(body: str | bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
