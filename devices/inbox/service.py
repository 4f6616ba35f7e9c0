"""The order of things when messages arrive: look up the senders, hand each to its handler, keep what fails.

A batch is one transaction. The first pass runs without savepoints, because nearly every batch is clean; as
soon as one message fails, the whole batch is run again with a savepoint around each message, so that the one
that fails is kept in the quarantine and the others go in. Handlers may therefore be run twice for a message
and touch nothing but the database.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from traceback import extract_tb

import structlog

from devices.events import MessageCorrected, MessageQuarantined
from devices.inbox import counter_store, report_store
from devices.inbox import quarantine_store as aside
from devices.inbox.admission import Admission
from devices.inbox.errors import InboxError, database_is_away, refusal_of
from devices.inbox.message_work import LastWords, MessageWork
from devices.inbox.model import (
    SEEN_EVERY,
    Accepted,
    Fence,
    Handler,
    Incoming,
    Known,
    KnownDevices,
    Outgoing,
    Reason,
    Refused,
    Replayed,
    ReplayedMany,
    Report,
    ReportKey,
    ReportsOf,
    Seen,
    Setback,
)
from kernel.errors import KernelError
from kernel.work import UnitsOfWork, Work

log = structlog.get_logger(__name__)

#: The broker sends these on a device's behalf: they are no sign of life.
_NOT_BY_THE_DEVICE = frozenset({"death"})


class _MessageFailedError(Exception):
    """Ends the first pass over a batch."""


@dataclass
class _Tally:
    outgoing: list[Outgoing] = field(default_factory=list)
    quarantined: list[Setback] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    seen: dict[str, datetime] = field(default_factory=dict)
    stored: AbstractSet[ReportKey] = frozenset()
    unclaimed: set[ReportKey] = field(default_factory=set)
    last_words: LastWords = field(default_factory=dict)

    def accepted(self) -> Accepted:
        duplicates = self.outcomes[Reason.DUPLICATE.value]
        return Accepted(tuple(self.outgoing), tuple(self.quarantined), duplicates, self.outcomes["accepted"])


class Inbox:
    """Takes in messages of one tenant.

    Parameters
    ----------
    handlers
        ``(kind, name)`` to handler, for example ``("lock", "evt")``.
    known_devices
        Looks up the senders of a batch; a message of anybody else is set aside.
    seen
        Told, once per batch, when each device last spoke; nobody where absent.
    kept_as
        ``(kind, name)`` to what of such a payload may be kept where its message is set aside; all of it where absent.
    reports_of
        ``(kind, name)`` to the reports such a message brings: those of a whole batch are then stored at once.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        handlers: Mapping[tuple[str, str], Handler],
        tenant: str,
        known_devices: KnownDevices,
        seen: Seen | None = None,
        kept_as: Mapping[tuple[str, str], Callable[[bytes], bytes]] | None = None,
        reports_of: Mapping[tuple[str, str], ReportsOf] | None = None,
    ) -> None:
        self._units = units
        self._admission = Admission(tenant, handlers)
        self._known_devices = known_devices
        self._seen = seen
        self._kept_as = dict(kept_as or {})
        self._reports_of = dict(reports_of or {})

    def accept(self, batch: Sequence[Incoming], fence: Fence | None = None) -> Accepted:
        """Take in a batch in one transaction. When this returns, everything in it is committed.

        Parameters
        ----------
        fence
            Asked first within the transaction; what it raises ends it.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError or KernelError
            Only if the database is away or busy; then nothing of the batch was taken in.
        """
        if not batch:
            return Accepted()
        try:
            accepted = self._take_in(batch, self._run, fence)
        except _MessageFailedError:
            accepted = self._take_in(batch, self._run_in_savepoint, fence)
        for setback in accepted.quarantined:
            log.info("message_quarantined", reason=setback.reason.value, quarantine_id=setback.quarantine_id)
        return accepted

    def replay(self, quarantine_id: int) -> Replayed:
        """Run a message that was set aside through again, for example after its device was enrolled.

        ``outgoing`` is to be sent now: the transaction has committed.

        Raises
        ------
        KernelError
            ``not_found``.
        InboxError
            ``quarantine_settled`` if it is no longer open, a duplicate excepted: that may be run any time.
        """
        with self._units.begin() as work:
            row = aside.quarantined_row(work.session, quarantine_id, lock=True)
            if row is None:
                raise KernelError("not_found", what=f"quarantine {quarantine_id}")
            if row.state != "open" and row.reason != Reason.DUPLICATE:
                raise InboxError("quarantine_settled", state=row.state)
            payload = row.payload if row.corrected is None else row.corrected
            incoming = Incoming(row.tenant, row.kind, row.device_id, row.name, payload, row.last_received_at)
            known = self._known_devices(work.session, {incoming.device_id})
            message = MessageWork(work.session, work.now)
            try:
                answers = self._run_in_savepoint(message, incoming, self._admission.handler_of(incoming, known))
            except Refused as refused:
                aside.note_refusal(work.session, quarantine_id, refused)
                return Replayed(quarantine_id, accepted=False, reason=refused.reason)
            for payload, why in message.parts_aside:
                aside.set_aside(work.session, self._keepable(incoming._replace(payload=payload)), why)
            work.record(*message.recorded)
            aside.settle(work.session, quarantine_id, "replayed", work.now)
            outcome = Reason.DUPLICATE.value if message.is_duplicate else "accepted"
            counter_store.count(work.session, {outcome: 1})
        return Replayed(quarantine_id, accepted=True, outgoing=(*answers, *_said(message.last_words)))

    def replay_many(self, reason: Reason, limit: int, unit_ids: Collection[str] | None = None) -> ReplayedMany:
        """Run what was set aside for one reason through again, oldest first, each in a transaction of its own.

        What somebody else settles meanwhile is passed over; running it again takes nothing in twice.

        Parameters
        ----------
        limit
            How many at most; ``left`` says how many of the reason are open afterwards.
        unit_ids
            Only what devices of these units sent; ``None`` for everything.
        """
        with self._units.database.reading() as session:
            ids = aside.open_ids(session, reason.value, limit, unit_ids)
        accepted, refused, outgoing = 0, 0, list[Outgoing]()
        for quarantine_id in ids:
            try:
                replayed = self.replay(quarantine_id)
            except InboxError:
                continue
            accepted, refused = accepted + replayed.accepted, refused + (not replayed.accepted)
            outgoing += replayed.outgoing
        with self._units.database.reading() as session:
            left = aside.open_messages(session, unit_ids).by_reason.get(reason.value, 0)
        return ReplayedMany(accepted, refused, left, tuple(outgoing))

    def correct(self, quarantine_id: int, payload: bytes, by_role: str) -> None:
        """Keep what a person made of a message, beside what arrived; a replay then takes the correction.

        It is believed no more than the message was: a signed message that was changed is not the device's word.

        Raises
        ------
        KernelError
            ``not_found``.
        InboxError
            ``quarantine_settled`` if it is no longer open; ``correction_same`` if nothing is different.
        """
        with self._units.begin() as work:
            row = aside.quarantined_row(work.session, quarantine_id, lock=True)
            if row is None:
                raise KernelError("not_found", what=f"quarantine {quarantine_id}")
            if row.state != "open":
                raise InboxError("quarantine_settled", state=row.state)
            kept = self._keepable(
                Incoming(row.tenant, row.kind, row.device_id, row.name, payload, row.last_received_at)
            ).payload
            if kept == (row.payload if row.corrected is None else row.corrected):
                raise InboxError("correction_same")
            aside.keep_correction(work.session, quarantine_id, kept, work.now)
            work.record(
                MessageCorrected(
                    at=work.now,
                    quarantine_id=quarantine_id,
                    reason=row.reason,
                    kind=self._admission.kind_label(row.kind),
                    by_role=by_role,
                )
            )

    def dismiss(self, quarantine_id: int) -> None:
        """Put a message away for good; it stays in the list of the dismissed.

        Raises
        ------
        KernelError
            ``not_found``.
        InboxError
            ``quarantine_settled`` if it is no longer open.
        """
        with self._units.begin() as work:
            row = aside.quarantined_row(work.session, quarantine_id, lock=True)
            if row is None:
                raise KernelError("not_found", what=f"quarantine {quarantine_id}")
            if row.state != "open":
                raise InboxError("quarantine_settled", state=row.state)
            aside.settle(work.session, quarantine_id, "dismissed", None)

    def _take_in(self, batch: Sequence[Incoming], run: "_Run", fence: Fence | None) -> Accepted:
        tally = _Tally()
        with self._units.begin() as work:
            if fence is not None:
                fence(work.session)
            known = self._known_devices(work.session, {incoming.device_id for incoming in batch})
            admitted = [self._admission.judge(incoming, known) for incoming in batch]
            if run == self._run:
                self._store_at_once(work, batch, admitted, tally)
            for incoming, handler in zip(batch, admitted, strict=True):
                self._take_one(work, incoming, handler, run, tally)
            spoke = {device_id: at for device_id, at in tally.seen.items() if _is_news(known[device_id], at)}
            if self._seen is not None and spoke:
                self._seen(work, spoke)
            tally.outgoing.extend(_said(tally.last_words))
            counter_store.count(work.session, tally.outcomes)
        return tally.accepted()

    def _store_at_once(
        self, work: Work, batch: Sequence[Incoming], admitted: "Sequence[Handler | Refused]", tally: "_Tally"
    ) -> None:
        """Store the reports of a clean batch in one statement; one that is not clean after all is run again without."""
        rows: list[Report] = []
        for incoming, handler in zip(batch, admitted, strict=True):
            reports_of = self._reports_of.get((incoming.kind, incoming.name))
            if reports_of is None or isinstance(handler, Refused):
                continue
            try:
                rows += reports_of(incoming)
            except Exception:  # noqa: BLE001, S112 - its handler meets the same and says why
                continue
        if rows:
            tally.stored = {row.key for row in rows}
            tally.unclaimed = report_store.store_reports(work, rows)

    def _take_one(
        self, work: Work, incoming: Incoming, handler: "Handler | Refused", run: "_Run", tally: _Tally
    ) -> None:
        if isinstance(handler, Refused):
            self._set_aside(work, incoming, handler, tally)
            return
        message = MessageWork(work.session, work.now, tally.stored, tally.unclaimed)
        try:
            answers = run(message, incoming, handler)
        except Refused as refused:
            self._set_aside(work, incoming, refused, tally)
            return
        for payload, why in message.parts_aside:
            self._set_aside(work, incoming._replace(payload=payload), why, tally)
        tally.outgoing.extend(answers)
        tally.last_words |= message.last_words
        if recorded := message.recorded:
            work.record(*recorded)
        if incoming.name not in _NOT_BY_THE_DEVICE:
            tally.seen[incoming.device_id] = incoming.received_at
        if message.is_duplicate:
            already = Refused(Reason.DUPLICATE, "reports not seen before", f"{message.reports_known} known")
            aside.set_aside(work.session, self._keepable(incoming), already)
            tally.outcomes[Reason.DUPLICATE.value] += 1
        else:
            tally.outcomes["accepted"] += 1

    def _set_aside(self, work: Work, incoming: Incoming, refused: Refused, tally: _Tally) -> None:
        quarantine_id, is_first = aside.set_aside(work.session, self._keepable(incoming), refused)
        tally.outcomes[refused.reason.value] += 1
        tally.quarantined.append(Setback(quarantine_id, refused.reason, incoming))
        if is_first:
            tally.outgoing.extend(refused.answers)
            work.record(
                MessageQuarantined(
                    at=work.now,
                    quarantine_id=quarantine_id,
                    reason=refused.reason.value,
                    kind=self._admission.kind_label(incoming.kind),
                )
            )

    def _keepable(self, incoming: Incoming) -> Incoming:
        kept = self._kept_as.get((incoming.kind, incoming.name))
        return incoming if kept is None else incoming._replace(payload=kept(incoming.payload))

    def _run(self, message: MessageWork, incoming: Incoming, handler: Handler) -> Sequence[Outgoing]:
        # Who is not let in has written nothing; what fails in its handler may have.
        try:
            answers = handler(message, incoming)
        except Exception as error:
            if database_is_away(error):
                raise
            raise _MessageFailedError from error
        return answers

    def _run_in_savepoint(self, message: MessageWork, incoming: Incoming, handler: Handler) -> Sequence[Outgoing]:
        try:
            with message.session.begin_nested():
                answers = handler(message, incoming)
        except Exception as error:
            if database_is_away(error):
                raise
            refused = refusal_of(error)
            if refused.reason is Reason.NOT_ACCEPTED:
                # Not with its text: a database repeats the row that it refused, places and names included.
                fault = {"error": type(error).__name__, "at": _place_of(error)}
                log.warning("message_not_accepted", kind=incoming.kind, name=incoming.name, **fault)
            raise refused from error
        return answers


def _said(last_words: LastWords) -> list[Outgoing]:
    return [Outgoing(*to, make()) for to, make in last_words.items()]


def _place_of(error: Exception) -> str:
    """Where in the code an error arose: ``store.py:120 store_reports``, outermost first."""
    frames = extract_tb(error.__traceback__)
    ours = [f for f in frames if "site-packages" not in f.filename]
    return " > ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in ours[-4:])


def _is_news(device: Known, at: datetime) -> bool:
    """Whether that a device spoke has to be written down anew."""
    return device.last_seen_at is None or abs(at - device.last_seen_at) >= SEEN_EVERY


_Run = Callable[[MessageWork, Incoming, Handler], Sequence[Outgoing]]
