"""What a planner has to deal with: raised once, settled by a person who says how.

A task points at a visit, a citizen or a carer; what it says to a person is put into words by the gateway.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

from sqlmodel import Session, col, select

from kernel.errors import KernelError
from kernel.ids import new_id
from kernel.localtime import local_day
from kernel.work import Work
from scheduling.events import TaskKind, TaskRaised, TaskSettled
from scheduling.tables import TaskRow


@dataclass(frozen=True, slots=True)
class NewTask:
    """Something a planner has to deal with. ``facts`` are plain values for its sentence, without names."""

    kind: TaskKind
    unit_id: str
    visit_id: str | None = None
    citizen_id: str | None = None
    carer_id: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def raise_task(work: Work, new: NewTask) -> TaskRow:
    """Raise a task; raising it again changes nothing.

    A visit has one task of a kind, ever: settled, it stays settled. Without a visit there is one *open* task of
    a kind for the same citizen and carer.
    """
    known = _known(work.session, new)
    if known is not None:
        return known
    row = TaskRow(
        task_id=new_id(),
        kind=new.kind,
        unit_id=new.unit_id,
        day=local_day(work.now),
        visit_id=new.visit_id,
        citizen_id=new.citizen_id,
        carer_id=new.carer_id,
        state="open",
        raised_at=work.now,
        facts=new.facts,
    )
    work.session.add(row)
    work.session.flush()
    work.record(
        TaskRaised(
            at=work.now,
            task_id=row.task_id,
            unit_id=new.unit_id,
            kind=new.kind,
            visit_id=new.visit_id,
            citizen_id=new.citizen_id,
            carer_id=new.carer_id,
        )
    )
    return row


def settle_task(work: Work, task_id: str, how: str) -> TaskRow:
    """A planner dealt with it, or it dealt with itself; settling it again changes nothing.

    Raises
    ------
    KernelError
        ``not_found``.
    """
    row = work.session.get(TaskRow, task_id, with_for_update=True)
    if row is None:
        raise KernelError("not_found", what="Opgaven")
    if row.state == "open":
        row.state, row.settled_at, row.how = "settled", work.now, how
        work.session.add(row)
        kind = cast(TaskKind, row.kind)
        work.record(TaskSettled(at=work.now, task_id=row.task_id, unit_id=row.unit_id, kind=kind, how=how))
    return row


def settle_for_visit(work: Work, visit_id: str, kind: TaskKind, how: str) -> None:
    """Settle a visit's open task of a kind, if there is one: what it asked for has happened."""
    row = work.session.exec(
        select(TaskRow).where(TaskRow.visit_id == visit_id, TaskRow.kind == kind, TaskRow.state == "open")
    ).first()
    if row is not None:
        settle_task(work, row.task_id, how)


def task_of(session: Session, task_id: str) -> TaskRow:
    """One task. Raises ``not_found``."""
    row = session.get(TaskRow, task_id)
    if row is None:
        raise KernelError("not_found", what="Opgaven")
    return row


def open_tasks(session: Session, unit_ids: Collection[str], days: Collection[date]) -> list[TaskRow]:
    """Open tasks of some units raised on some days, the oldest first."""
    query = select(TaskRow).where(
        col(TaskRow.unit_id).in_(sorted(unit_ids)), col(TaskRow.day).in_(sorted(days)), TaskRow.state == "open"
    )
    return list(session.exec(query.order_by(col(TaskRow.raised_at), col(TaskRow.kind), col(TaskRow.visit_id))).all())


def _known(session: Session, new: NewTask) -> TaskRow | None:
    query = select(TaskRow).where(TaskRow.kind == new.kind, TaskRow.visit_id == new.visit_id)
    if new.visit_id is None:
        query = query.where(
            TaskRow.citizen_id == new.citizen_id, TaskRow.carer_id == new.carer_id, TaskRow.state == "open"
        )
    return session.exec(query).first()
