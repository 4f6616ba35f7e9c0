"""What *Drift* says of seals, verification and receipts."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

from gateway.verify import last_verification
from kernel.localtime import local_day, number_text
from kernel.log import latest_position
from kernel.seals import latest_seal
from kernel.tables import DailyRootRow, ReceiptRow

DAYS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class ErasedOnDay:
    """The receipts of one data type and rule on one day, taken together."""

    on: date
    data_type: str
    rule: str
    count: int
    first_no: int
    last_no: int


@dataclass(frozen=True, slots=True)
class AuditView:
    """How far the log is sealed, exported and verified, and what was erased of late."""

    sealed_to: int
    sealed_at: datetime | None
    waiting: int
    exported_on: date | None
    verified_at: datetime | None
    fault_count: int
    erased: tuple[ErasedOnDay, ...]


def rule_text(rule: str, language: str) -> str:
    """A rule for people: ``event_days = 1826`` is ``1.826 dage (event_days)``."""
    setting, _, days = rule.partition(" = ")
    if not days.isdigit():
        return rule
    number = number_text(int(days))
    return f"{number} dage ({setting})" if language == "da" else f"{number.replace('.', ',')} days ({setting})"


def audit_view(session: Session) -> AuditView:
    """Read it; a handful of rows."""
    seal, verified = latest_seal(session), last_verification(session)
    sealed_to = 0 if seal is None else seal.to_position
    return AuditView(
        sealed_to=sealed_to,
        sealed_at=None if seal is None else seal.sealed_at,
        waiting=max(0, latest_position(session) - sealed_to),
        exported_on=session.exec(select(func.max(DailyRootRow.day))).one(),
        verified_at=None if verified is None else verified[0],
        fault_count=0 if verified is None else verified[1],
        erased=_erased(session),
    )


def _erased(session: Session) -> tuple[ErasedOnDay, ...]:
    """The newest receipts, those of one day, data type and rule in one line: a rule goes in small steps."""
    days: dict[tuple[date, str, str], ErasedOnDay] = {}
    query = select(ReceiptRow).order_by(col(ReceiptRow.number).desc()).limit(500)
    for row in session.exec(query):
        key, number = (local_day(row.at), row.data_type, row.rule), row.number or 0
        known = days.get(key)
        if known is None and len(days) == DAYS_SHOWN:
            break
        last_no = number if known is None else known.last_no
        days[key] = ErasedOnDay(*key, row.count + (known.count if known else 0), number, last_no)
    return tuple(days.values())
