"""The walk back: from a figure to its entries, from an entry to the events it rests on.

Pseudonymous, for benefit owner and auditor only, with a stated purpose, and every step is itself an event.
Entries come in the order they were written; they can be neither sorted nor filtered by subject (design §7.11).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, select

from kernel.events import StoredEvent
from kernel.log import read_at
from kernel.receipts import Receipt, receipts_for_positions
from kernel.work import Work
from metrics import store
from metrics.errors import BenefitError
from metrics.events import BenefitWalked, Role
from metrics.pseudonyms import Pseudonyms
from metrics.tables import BaselineRow, EntryRow

ROLES: tuple[Role, ...] = ("benefit_owner", "auditor")
MINIMUM_PURPOSE_CHARACTERS = 10
#: facts of events that name a person or open something
_PERSONAL = frozenset({"carer_id", "citizen_id", "from_carer_id", "to_carer_id", "holder_thumbprint"})


@dataclass(frozen=True, slots=True)
class FigureWalk:
    """The entries behind a figure. ``net_s`` is their sum and equals the figure."""

    net_s: int
    entry_count: int
    entries: tuple[EntryRow, ...]


@dataclass(frozen=True, slots=True)
class WalkedEvent:
    """An event as evidence: what happened when, without persons."""

    position: int
    event_type: str
    at: datetime
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MissingEvent:
    """Evidence that is no longer in the log, and what its receipt says of it if there is one."""

    position: int
    rule: str | None
    deleted_at: datetime | None
    receipt_no: int | None = None


@dataclass(frozen=True, slots=True)
class EntryWalk:
    """One entry, the baseline it was measured against, what it replaced, and its evidence."""

    entry: EntryRow
    baseline: BaselineRow | None
    former: EntryRow | None
    events: tuple[WalkedEvent, ...]
    missing: tuple[MissingEvent, ...]


def walk_figure(
    work: Work,
    *,
    technology: str,
    unit_id: str | None,
    from_on: date,
    to_on: date,
    purpose: str,
    role: str,
    offset: int = 0,
    limit: int = 100,
) -> FigureWalk:
    """The current entries behind a figure, a page at a time.

    Raises
    ------
    BenefitError
        ``walk_not_permitted`` or ``walk_purpose_missing``.
    """
    permitted = _permitted(purpose, role)
    entries = store.entries_of(work.session, technology, unit_id, from_on, to_on)
    work.record(
        BenefitWalked(
            at=work.now,
            unit_id=unit_id,
            technology=technology,
            purpose=purpose.strip(),
            role=permitted,
            from_on=from_on.isoformat(),
            to_on=to_on.isoformat(),
        )
    )
    return FigureWalk(
        net_s=sum(entry.net_s or 0 for entry in entries),
        entry_count=len(entries),
        entries=tuple(entries[offset : offset + limit]),
    )


def walk_entry(
    work: Work, entry_id: int, *, purpose: str, role: str, pseudonyms: Pseudonyms | None = None
) -> EntryWalk:
    """One entry with its evidence, by position in the log.

    Parameters
    ----------
    pseudonyms
        Where given, the carer of each event is shown by the same pseudonym as in the ledger. Citizens are the
        subjects of some entries; the events do not name them again.

    Raises
    ------
    BenefitError
        ``walk_not_permitted``, ``walk_purpose_missing`` or ``benefit_entry_not_found``.
    """
    permitted = _permitted(purpose, role)
    entry = work.session.get(EntryRow, entry_id)
    if entry is None:
        raise BenefitError("benefit_entry_not_found", entry_id=entry_id)
    work.record(
        BenefitWalked(
            at=work.now,
            unit_id=entry.unit_id,
            technology=entry.technology,
            purpose=purpose.strip(),
            role=permitted,
            entry_id=entry_id,
        )
    )
    events = tuple(_walked(stored, pseudonyms) for stored in read_at(work.session, entry.evidence))
    found = {event.position for event in events}
    session = work.session
    return EntryWalk(
        entry=entry,
        baseline=None if entry.baseline_id is None else session.get(BaselineRow, entry.baseline_id),
        former=None if entry.replaces_id is None else session.get(EntryRow, entry.replaces_id),
        events=events,
        missing=_missing(session, [p for p in entry.evidence if p not in found]),
    )


def corrections_of(session: Session, occasion_id: str) -> list[EntryRow]:
    """Every entry an occasion ever had, oldest first, rule by rule."""
    query = select(EntryRow).where(EntryRow.occasion_id == occasion_id)
    return sorted(session.exec(query), key=lambda entry: (entry.rule_version, entry.revision))


def _permitted(purpose: str, role: str) -> Role:
    for permitted in ROLES:
        if role == permitted:
            break
    else:
        raise BenefitError("walk_not_permitted")
    if len(purpose.strip()) < MINIMUM_PURPOSE_CHARACTERS:
        raise BenefitError("walk_purpose_missing", minimum=MINIMUM_PURPOSE_CHARACTERS)
    return permitted


def _walked(stored: StoredEvent, pseudonyms: Pseudonyms | None) -> WalkedEvent:
    facts = {name: value for name, value in stored.data.items() if name not in _PERSONAL}
    # A published route lists its stops with citizens; the count is enough as evidence.
    if isinstance(stops := facts.pop("stops", None), list):
        facts["stop_count"] = len(stops)
    if pseudonyms is not None and stored.carer_id is not None:
        facts["subject"] = pseudonyms.subject(stored.carer_id)
    return WalkedEvent(stored.position, stored.event_type, stored.at, facts)


def _missing(session: Session, positions: Sequence[int]) -> tuple[MissingEvent, ...]:
    if not positions:
        return ()
    receipts = receipts_for_positions(session, positions)
    return tuple(_missing_at(position, receipts.get(position)) for position in positions)


def _missing_at(position: int, receipt: Receipt | None) -> MissingEvent:
    if receipt is None:
        return MissingEvent(position, None, None)
    return MissingEvent(position, receipt.rule, receipt.at, receipt.number)
