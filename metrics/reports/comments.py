"""A benefit owner's comment on a month of a technology, for one unit or for all of them."""

import re

from sqlmodel import Session, col, select

from kernel.work import Work
from metrics.errors import BenefitError
from metrics.months import month_bounds
from metrics.reports.tables import BenefitCommentRow

MINIMUM_LETTERS, MAXIMUM_LETTERS = 3, 1000
_CPR = re.compile(r"(?<!\d)\d{6}[- ]?\d{4}(?!\d)")


def write_comment(work: Work, technology: str, unit_id: str, month: str, text: str, by_role: str) -> BenefitCommentRow:
    """Add a comment; the one before it stays and is no longer shown.

    Parameters
    ----------
    unit_id
        Empty for all units together.
    month
        ``2026-10``.

    Raises
    ------
    BenefitError
        ``comment_length`` or ``comment_names_somebody``; nothing is written.
    ValueError
        If the month is not written as year and month.
    """
    month_bounds(month)
    said = " ".join(text.split())
    if not MINIMUM_LETTERS <= len(said) <= MAXIMUM_LETTERS:
        raise BenefitError("comment_length", minimum=MINIMUM_LETTERS, maximum=MAXIMUM_LETTERS, found=len(said))
    if _CPR.search(said):
        raise BenefitError("comment_names_somebody")
    row = BenefitCommentRow(
        technology=technology, unit_id=unit_id, month=month, text=said, by_role=by_role, written_at=work.now
    )
    work.session.add(row)
    return row


def comments_of(session: Session, month: str) -> dict[tuple[str, str], BenefitCommentRow]:
    """The newest comment of a month by technology and unit (empty for all)."""
    query = select(BenefitCommentRow).where(BenefitCommentRow.month == month).order_by(col(BenefitCommentRow.id))
    return {(row.technology, row.unit_id): row for row in session.exec(query)}
