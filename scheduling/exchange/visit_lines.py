"""Rows of visits and of weekly patterns take effect."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta

from kernel.localtime import at_local, local_day
from kernel.work import Work
from scheduling.exchange.people import People
from scheduling.exchange.reader import CellProblem, Sheet
from scheduling.exchange.sheets import SheetLine
from scheduling.model import VisitMode
from scheduling.patterns.days import Generated, TakeOff, reconcile, sources_of
from scheduling.patterns.errors import PatternError
from scheduling.patterns.model import Pattern, WantedVisit, visit_id
from scheduling.patterns.nights import by_day
from scheduling.patterns.store import check_pattern, pattern_of, put_pattern, series_rows

Applied = tuple[list[CellProblem], dict[str, int], list[date]]


def apply_visits(work: Work, sheet: Sheet, people: People, take_off: TakeOff) -> Applied:
    """Rows of visits become visits of their days; the same file again changes nothing.

    A visit only a night shift can make is of the day that shift begins on (:mod:`scheduling.nights`).
    """
    problems = [*_too_old(sheet, local_day(work.now)), *_twice(sheet, people)]
    if problems:
        return problems, {}, []
    days = by_day(work.session, [visit for line in sheet.lines for visit in _wanted(line, people)])
    done = Generated()
    for day, wanted in sorted(days.items()):
        known = sources_of(work.session, [w.visit_id for w in wanted])
        done += reconcile(work, day, "import", wanted, known, take_off, whole=False)
    return [], asdict(done), sorted(days)


def apply_patterns(work: Work, sheet: Sheet, people: People, by_role: str) -> Applied:
    """Rows of patterns become patterns; one that is known and says something else holds from tomorrow on."""
    problems = [*_twice(sheet, people), *_unusable(sheet, people)]
    if problems:
        return problems, {}, []
    tomorrow = local_day(work.now) + timedelta(days=1)
    wanted = [_pattern(line, people) for line in sheet.lines]
    known = series_rows(work.session, [p.series_id for p in wanted])
    made = changed = unchanged = 0
    for pattern in wanted:
        before = known.get(pattern.series_id, [])
        newest = pattern_of(before[-1]) if before else None
        if newest is not None and _same(newest, pattern):
            unchanged += 1
            continue
        if newest is not None:
            first_on = max(pattern.valid_from_on, tomorrow)
            pattern = replace(pattern, valid_from_on=first_on, anchor_on=newest.anchor_on)  # noqa: PLW2901
        put_pattern(work, pattern, pattern.series_id, before, by_role)
        made, changed = made + (newest is None), changed + (newest is not None)
    return [], asdict(Generated(made=made, changed=changed, unchanged=unchanged)), []


def _wanted(line: SheetLine, people: People) -> list[WantedVisit]:
    citizen, day = people.citizens[line.text("citizen")], line.day("day")
    opens, closes = line.clock("opens"), line.clock("closes")
    opens_at = at_local(day, opens)
    ids = [visit_id(_ref(line, people), day, rank) for rank in range(line.values["carers"])]
    together = len(ids) > 1
    return [
        WantedVisit(
            visit_id=one,
            source_ref=line.text("ref") or ids[0],
            citizen_id=citizen.id,
            unit_id=citizen.unit_id,
            service=people.service(line.text("service")),
            window_open_at=opens_at,
            window_close_at=max(opens_at, at_local(day if closes >= opens else day + timedelta(days=1), closes)),
            duration_s=float(line.values["minutes"]) * 60.0,
            mode=VisitMode.SCREEN if line.values["screen"] else VisitMode.PHYSICAL,
            required_skills=_skills(line, people),
            priority=line.values["priority"],
            pair_id=ids[0] if together else None,
            pair_rank=rank if together else None,
            pinned_carer_id=people.carer_id(line.text("fixed_carer")),
        )
        for rank, one in enumerate(ids)
    ]


def _pattern(line: SheetLine, people: People) -> Pattern:
    citizen, first_on = people.citizens[line.text("citizen")], line.day("first_on")
    return Pattern(
        series_id=visit_id(_ref(line, people), date.min),
        citizen_id=citizen.id,
        unit_id=citizen.unit_id,
        service=people.service(line.text("service")),
        weekdays=line.text("weekdays"),
        window_open=line.clock("opens"),
        window_close=line.clock("closes"),
        duration_min=round(line.values["minutes"]),
        valid_from_on=first_on,
        anchor_on=first_on,
        valid_to_on=line.values["last_on"],
        every_weeks=line.values["weeks"],
        carers=line.values["carers"],
        mode=VisitMode.SCREEN if line.values["screen"] else VisitMode.PHYSICAL,
        required_skills=_skills(line, people),
        priority=line.values["priority"],
    )


def _skills(line: SheetLine, people: People) -> tuple[str, ...]:
    """What the carer has to be able to do: what the row says, else the service itself."""
    return tuple(sorted(people.service(name) for name in (line.values["skills"] or (line.text("service"),))))


def _ref(line: SheetLine, people: People) -> str:
    """What tells this visit from others: its id where it came from, else who, what and when."""
    citizen = people.citizens[line.text("citizen")]
    own = line.text("ref") or "|".join((line.text("service"), f"{line.clock('opens'):%H:%M}", line.text("weekdays")))
    return f"import|{citizen.id}|{own}"


def _same(known: Pattern, wanted: Pattern) -> bool:
    return replace(known, valid_from_on=wanted.valid_from_on, anchor_on=wanted.anchor_on) == replace(
        wanted, required_skills=tuple(sorted(wanted.required_skills))
    )


def _too_old(sheet: Sheet, today: date) -> Iterator[CellProblem]:
    for line in sheet.lines:
        if line.day("day") < today:
            yield CellProblem(line.row, sheet.headings["day"], "i dag eller senere", f"{line.day('day'):%d-%m-%Y}")


def _twice(sheet: Sheet, people: People) -> Sequence[CellProblem]:
    seen: dict[tuple[str, object], int] = {}
    found = []
    for line in sheet.lines:
        key = (_ref(line, people), line.values.get("day"))
        if key in seen:
            column = sheet.headings["ref" if line.text("ref") else "citizen"]
            found.append(CellProblem(line.row, column, f"et andet besøg end række {seen[key]}", "det samme"))
        seen.setdefault(key, line.row)
    return found


def _unusable(sheet: Sheet, people: People) -> Iterator[CellProblem]:
    for line in sheet.lines:
        try:
            check_pattern(_pattern(line, people))
        except PatternError as err:
            facts = err.facts
            yield CellProblem(line.row, str(facts["field"]), str(facts["expected"]), str(facts["found"]))
