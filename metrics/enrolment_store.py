"""Stored enrolments, one set per ledger: each ledger stands at its own place in the log."""

from collections.abc import Collection, Sequence

from sqlalchemy import delete, insert
from sqlmodel import Session, col, select

from metrics.enrolments import Enrolment
from metrics.tables import EnrolmentRow

#: Stays below the number of bound values either database takes in one statement.
_CHUNK = 500


def load_enrolments(session: Session, ledger: str, subjects: Collection[str] | None = None) -> dict[str, Enrolment]:
    """The enrolments of these subjects, or of all, as a ledger has read them."""
    query = select(EnrolmentRow.subject, EnrolmentRow.last_position, EnrolmentRow.spans)
    query = query.where(EnrolmentRow.ledger == ledger)
    # Who reads thousands of citizens asks for all there are: few of them are enrolled.
    if subjects is not None and len(subjects) <= _CHUNK:
        query = query.where(col(EnrolmentRow.subject).in_(sorted(subjects)))
    rows = (row for row in session.exec(query) if subjects is None or row[0] in subjects)
    return {row[0]: Enrolment.from_json(row[0], row[1], list(row[2])) for row in rows}


def save_enrolments(session: Session, ledger: str, enrolments: Sequence[Enrolment]) -> None:
    """Write these anew."""
    if not enrolments:
        return
    for start in range(0, len(enrolments), _CHUNK):
        subjects = [enrolment.subject for enrolment in enrolments[start : start + _CHUNK]]
        session.execute(
            delete(EnrolmentRow).where(col(EnrolmentRow.ledger) == ledger, col(EnrolmentRow.subject).in_(subjects))
        )
    session.execute(
        insert(EnrolmentRow),
        [
            {"ledger": ledger, "subject": e.subject, "last_position": e.last_position, "spans": e.as_json()}
            for e in enrolments
        ],
    )
