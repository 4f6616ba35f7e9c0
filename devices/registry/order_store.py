"""Queries of the work orders."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from devices.registry.tables import WorkOrderRow


def for_update(session: Session, order_id: str) -> WorkOrderRow | None:
    """One order, held until the transaction ends."""
    return session.exec(select(WorkOrderRow).where(WorkOrderRow.order_id == order_id).with_for_update()).first()


def find(session: Session, order_id: str) -> WorkOrderRow | None:
    """One order."""
    return session.exec(select(WorkOrderRow).where(WorkOrderRow.order_id == order_id)).first()


def open_with_key(session: Session, key: str) -> WorkOrderRow | None:
    """The open order of a task and a device, held until the transaction ends."""
    return session.exec(select(WorkOrderRow).where(WorkOrderRow.open_key == key).with_for_update()).first()


def orders(
    session: Session,
    unit_ids: Collection[str],
    limit: int = 50,
    cursor: int | None = None,
    state: str | None = "open",
) -> tuple[list[WorkOrderRow], int | None]:
    """One page of orders of some units, the newest first, and the cursor of the next page."""
    query = select(WorkOrderRow).where(col(WorkOrderRow.unit_id).in_(sorted(unit_ids)))
    if state is not None:
        query = query.where(WorkOrderRow.state == state)
    if cursor is not None:
        query = query.where(col(WorkOrderRow.position) < cursor)
    rows = list(session.exec(query.order_by(col(WorkOrderRow.position).desc()).limit(limit + 1)))
    return rows[:limit], rows[limit - 1].position if len(rows) > limit else None
