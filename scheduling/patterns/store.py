"""Weekly patterns as rows: read for a day, shown for a unit, changed from a date on."""

from collections.abc import Collection
from datetime import date, time, timedelta

from sqlmodel import Session, col, or_, select

from kernel.ids import new_id
from kernel.localtime import day_text, local_day
from kernel.work import Work
from scheduling.events_ahead import VisitPatternChanged
from scheduling.model import VisitMode
from scheduling.patterns.errors import PatternError
from scheduling.patterns.model import MAX_WEEKS, Pattern
from scheduling.patterns.tables import VisitPatternRow


def patterns_on(session: Session, unit_id: str, day: date) -> list[Pattern]:
    """The patterns of a unit that hold on a day, in a steady order."""
    query = select(VisitPatternRow).where(
        VisitPatternRow.unit_id == unit_id,
        VisitPatternRow.valid_from_on <= day,
        or_(col(VisitPatternRow.valid_to_on).is_(None), col(VisitPatternRow.valid_to_on) >= day),
    )
    return [pattern_of(row) for row in session.exec(query.order_by(col(VisitPatternRow.series_id)))]


def patterns_of_unit(session: Session, unit_id: str, from_on: date) -> list[VisitPatternRow]:
    """Rows of a unit that hold on a day or will, by citizen, window and start."""
    query = select(VisitPatternRow).where(
        VisitPatternRow.unit_id == unit_id,
        or_(col(VisitPatternRow.valid_to_on).is_(None), col(VisitPatternRow.valid_to_on) >= from_on),
    )
    rows = session.exec(query).all()
    return sorted(rows, key=lambda r: (r.citizen_id, r.window_open, r.series_id, r.valid_from_on))


def save_pattern(work: Work, pattern: Pattern, by_role: str) -> str:
    """Let a pattern hold from its first day on; what the series said before ends the day before.

    Returns
    -------
    str
        The series: a new one where ``pattern.series_id`` is empty.

    Raises
    ------
    PatternError
        ``pattern_in_past`` for a change before tomorrow; ``pattern_wrong``, naming field, expected and found;
        ``pattern_unknown`` for a series there is none of.
    """
    check_pattern(pattern)
    tomorrow = local_day(work.now) + timedelta(days=1)
    if pattern.valid_from_on < tomorrow:
        raise PatternError("pattern_in_past", earliest=day_text(tomorrow))
    series = pattern.series_id or new_id()
    before = _series(work.session, series)
    if pattern.series_id and not before:
        raise PatternError("pattern_unknown")
    put_pattern(work, pattern, series, before, by_role)
    return series


def put_pattern(work: Work, pattern: Pattern, series: str, before: Collection[VisitPatternRow], by_role: str) -> None:
    """Write a checked pattern: later rows of its series go, the one that holds is closed the day before."""
    for row in before:
        if row.valid_from_on >= pattern.valid_from_on:
            work.session.delete(row)
        elif row.valid_to_on is None or row.valid_to_on >= pattern.valid_from_on:
            row.valid_to_on = pattern.valid_from_on - timedelta(days=1)
            work.session.add(row)
    work.session.flush()
    work.session.add(
        VisitPatternRow(
            series_id=series,
            valid_from_on=pattern.valid_from_on,
            valid_to_on=pattern.valid_to_on,
            citizen_id=pattern.citizen_id,
            unit_id=pattern.unit_id,
            service=pattern.service,
            weekdays="".join(sorted(set(pattern.weekdays))),
            every_weeks=pattern.every_weeks,
            anchor_on=pattern.anchor_on,
            window_open=f"{pattern.window_open:%H:%M}",
            window_close=f"{pattern.window_close:%H:%M}",
            duration_min=pattern.duration_min,
            carers=pattern.carers,
            mode=pattern.mode.value,
            required_skills=sorted(pattern.required_skills),
            priority=pattern.priority,
            changed_at=work.now,
            changed_by_role=by_role,
        )
    )
    _told(work, pattern.unit_id, series, pattern.citizen_id, pattern.valid_from_on, pattern.valid_to_on, by_role)
    work.session.flush()


def end_pattern(work: Work, series: str, unit_ids: Collection[str], last_on: date, by_role: str) -> None:
    """Let a series end with a day, today at the earliest.

    Raises
    ------
    PatternError
        ``pattern_unknown``, also where it is another unit's; ``pattern_in_past``.
    """
    today = local_day(work.now)
    if last_on < today:
        raise PatternError("pattern_in_past", earliest=day_text(today + timedelta(days=1)))
    rows = [r for r in _series(work.session, series) if r.valid_to_on is None or r.valid_to_on > last_on]
    if not rows or any(row.unit_id not in unit_ids for row in rows):
        raise PatternError("pattern_unknown")
    for row in rows:
        if row.valid_from_on > last_on:
            work.session.delete(row)
        else:
            row.valid_to_on = last_on
            work.session.add(row)
    _told(work, rows[0].unit_id, series, rows[0].citizen_id, last_on, last_on, by_role)


def series_rows(session: Session, series: Collection[str]) -> dict[str, list[VisitPatternRow]]:
    """The rows of some series, by series, oldest first."""
    found: dict[str, list[VisitPatternRow]] = {}
    wanted = sorted(series)
    for start in range(0, len(wanted), 500):
        query = select(VisitPatternRow).where(col(VisitPatternRow.series_id).in_(wanted[start : start + 500]))
        for row in session.exec(query.order_by(col(VisitPatternRow.valid_from_on))):
            found.setdefault(row.series_id, []).append(row)
    return found


def pattern_of(row: VisitPatternRow) -> Pattern:
    """A row as the pattern it keeps."""
    return Pattern(
        series_id=row.series_id,
        citizen_id=row.citizen_id,
        unit_id=row.unit_id,
        service=row.service,
        weekdays=row.weekdays,
        window_open=time.fromisoformat(row.window_open),
        window_close=time.fromisoformat(row.window_close),
        duration_min=row.duration_min,
        valid_from_on=row.valid_from_on,
        anchor_on=row.anchor_on,
        valid_to_on=row.valid_to_on,
        every_weeks=row.every_weeks,
        carers=row.carers,
        mode=VisitMode(row.mode),
        required_skills=tuple(row.required_skills),
        priority=row.priority,
    )


def check_pattern(pattern: Pattern) -> None:
    """Refuse what no day can be made of.

    Raises
    ------
    PatternError
        ``pattern_wrong`` with field, expected and found.
    """
    if not pattern.weekdays or set(pattern.weekdays) - set("1234567"):
        _wrong("Ugedage", "mindst én ugedag", "at least one weekday", pattern.weekdays or "ingen")
    if not 1 <= pattern.duration_min <= 24 * 60:
        _wrong("Varighed", "1 til 1440 minutter", "1 to 1440 minutes", pattern.duration_min)
    if pattern.carers not in (1, 2):
        _wrong("Medarbejdere", "1 eller 2", "1 or 2", pattern.carers)
    if not 1 <= pattern.every_weeks <= MAX_WEEKS:
        _wrong("Hver … uge", f"1 til {MAX_WEEKS}", f"1 to {MAX_WEEKS}", pattern.every_weeks)
    if not 1 <= pattern.priority <= 5:
        _wrong("Prioritet", "1 til 5", "1 to 5", pattern.priority)
    if pattern.valid_to_on is not None and pattern.valid_to_on < pattern.valid_from_on:
        _wrong("Sidste dag", "en dag efter den første", "a day after the first", pattern.valid_to_on.isoformat())
    if pattern.carers == 2 and pattern.mode is VisitMode.SCREEN:
        _wrong("Medarbejdere", "1 ved skærmbesøg", "1 for a screen visit", 2)


def _wrong(field: str, expected: str, expected_en: str, found: object) -> None:
    raise PatternError("pattern_wrong", field=field, expected=expected, expected_en=expected_en, found=found)


def _series(session: Session, series: str) -> list[VisitPatternRow]:
    query = select(VisitPatternRow).where(VisitPatternRow.series_id == series).with_for_update()
    return list(session.exec(query.order_by(col(VisitPatternRow.valid_from_on))))


def _told(
    work: Work, unit_id: str, series: str, citizen_id: str, from_on: date, to_on: date | None, by_role: str
) -> None:
    work.record(
        VisitPatternChanged(
            at=work.now,
            unit_id=unit_id,
            series_id=series,
            citizen_id=citizen_id,
            from_on=from_on.isoformat(),
            to_on=None if to_on is None else to_on.isoformat(),
            by_role=by_role,
        )
    )
