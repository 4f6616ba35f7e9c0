"""Citizens' weeks and residents' days for the benefit tests, written as events."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal

from devices.events import PresenceEvidence, TransferAnswered, TransferDevice, TransferRecorded
from kernel.events import Event
from kernel.localtime import at_local
from scheduling.events import (
    CitizenEnrolled,
    CitizenLeft,
    Mode,
    Outcome,
    ShiftStarted,
    VisitBegun,
    VisitEnded,
)
from video.events import CallOutcome, ScreenVisitEnded

#: Monday and Sunday of the week the tests live in.
MONDAY = date(2026, 10, 5)
SUNDAY = date(2026, 10, 11)
WEEK = "2026-W41"
_GO_LIVE_AT = datetime.fromisoformat("2026-09-30T08:00+02:00")
#: The Tuesday on which that week is settled.
SETTLED_ON = date(2026, 10, 13)


def enrolled(
    citizen: str,
    technology: str = "screen",
    unit_id: str = "nord",
    at: datetime = _GO_LIVE_AT,
) -> CitizenEnrolled:
    """A citizen begins to use a technology."""
    return CitizenEnrolled(at=at, citizen_id=citizen, unit_id=unit_id, technology=technology)


def left(citizen: str, at: datetime, technology: str = "screen", unit_id: str = "nord") -> CitizenLeft:
    """A citizen stops using a technology."""
    return CitizenLeft(at=at, citizen_id=citizen, unit_id=unit_id, technology=technology)


def visit(
    citizen: str,
    day: date,
    clock: time = time(9),
    minutes: float | None = 30,
    *,
    mode: Mode = "physical",
    travel_s: int | None = 300,
    service: str | None = "hygiene",
    outcome: Outcome = "done",
    visit_id: str = "",
    unit_id: str = "nord",
) -> list[Event]:
    """A visit begun and (with minutes) ended; travel is none for a screen visit."""
    begun_at = at_local(day, clock)
    who = {
        "visit_id": visit_id or f"{citizen}-{day}-{clock:%H%M}",
        "citizen_id": citizen,
        "carer_id": "carer",
        "unit_id": unit_id,
        "shift_id": None,
        "mode": mode,
    }
    events: list[Event] = [VisitBegun(at=begun_at, source="manual", planned_start_at=begun_at, **who)]
    if minutes is not None:
        events.append(
            VisitEnded(
                at=begun_at + timedelta(minutes=minutes),
                outcome=outcome,
                begun_at=begun_at,
                travel_s=0 if mode == "screen" else travel_s,
                service=service,
                **who,
            )
        )
    return events


def screen_visit(
    citizen: str,
    day: date,
    clock: time = time(9),
    minutes: float = 8,
    call: CallOutcome = "completed",
    *,
    service: str | None = "medicine",
    attempts: int = 1,
    unit_id: str = "nord",
) -> list[Event]:
    """A screen visit with its call, both ends told in one moment."""
    outcomes: Mapping[str, Outcome] = {
        "converted_physical": "partly",
        "no_answer": "no_answer",
        "declined": "declined",
        "technical_failure": "technical_failure",
        "cancelled": "cancelled_at_door",
    }
    events = visit(
        citizen,
        day,
        clock,
        minutes,
        mode="screen",
        service=service,
        outcome=outcomes.get(call, "done"),
        unit_id=unit_id,
    )
    ended = events[-1]
    call_ended = ScreenVisitEnded(
        at=ended.at,
        room_id=f"room-{citizen}-{day}-{clock:%H%M}",
        visit_id=f"{citizen}-{day}-{clock:%H%M}",
        citizen_id=citizen,
        carer_id="carer",
        unit_id=unit_id,
        outcome=call,
        attempts=attempts,
        begun_at=at_local(day, clock),
        talk_s=0 if call == "no_answer" else round(minutes * 60) - 20,
    )
    return [*events, call_ended]


def morning(day: date, carer: str = "early", clock: time = time(7)) -> ShiftStarted:
    """A shift begins: what tells the ledgers the time."""
    at = at_local(day, clock)
    return ShiftStarted(
        at=at,
        shift_id=f"{carer}-{day}-residence",
        carer_id=carer,
        unit_id="botilbud",
        kind="evening",
        place="base",
        day=day.isoformat(),
        planned_start_at=at,
        planned_end_at=at + timedelta(hours=8),
    )


def transfer(
    resident: str,
    day: date,
    clock: time = time(8),
    *,
    kind: TransferDevice = "lift",
    carers: Literal[1, 2] | None = 1,
    second_carer_s: int | None = 0,
    setup_s: int = 60,
    evidence: PresenceEvidence | None = "badge",
    in_residence: bool = True,
    unit_id: str = "nord",
) -> TransferRecorded:
    """A resident was moved; ``carers`` is absent where nobody knows."""
    started_at = at_local(day, clock)
    return TransferRecorded(
        at=started_at + timedelta(minutes=6),
        transfer_id=f"{resident}-{kind}-{day}-{clock:%H%M}",
        device_id=f"{kind}-{resident}",
        device_kind=kind,
        unit_id=unit_id,
        citizen_id=resident,
        in_residence=in_residence,
        day=day.isoformat(),
        started_at=started_at,
        ended_at=started_at + timedelta(minutes=5),
        duration_s=300,
        setup_s=setup_s,
        carers=carers,
        second_carer_s=None if carers is None else second_carer_s,
        evidence=None if carers is None else evidence,
    )


def answer(recorded: TransferRecorded, carers: Literal[1, 2], second_carer_s: int, at: datetime) -> TransferAnswered:
    """Somebody who was there says whether they were one or two."""
    return TransferAnswered(
        at=at,
        transfer_id=recorded.transfer_id,
        device_id=recorded.device_id,
        device_kind=recorded.device_kind,
        unit_id=recorded.unit_id,
        citizen_id=recorded.citizen_id,
        day=recorded.day,
        carers=carers,
        second_carer_s=second_carer_s,
    )


def screen_csv(
    citizens: Sequence[str], minutes: Sequence[tuple[float, float]], unit_id: str = "nord", first_week: int = 30
) -> bytes:
    """Measured weeks before: the same pairs of visit and travel minutes for every citizen, week after week."""
    lines = ["unit;week;citizen;visit_minutes;travel_minutes"]
    lines += [
        f"{unit_id};2026-W{first_week + n:02d};{citizen};{visits};{travel}"
        for citizen in citizens
        for n, (visits, travel) in enumerate(minutes)
    ]
    return ("\n".join(lines) + "\n").encode()


def transfers_csv(residents: Sequence[str], minutes: Sequence[float], unit_id: str = "nord") -> bytes:
    """Measured days before: the same second-carer minutes for every resident, day after day."""
    lines = ["unit;date;resident;second_carer_minutes;technology"]
    lines += [
        f"{unit_id};2026-09-{1 + n:02d};{resident};{second};both"
        for resident in residents
        for n, second in enumerate(minutes)
    ]
    return ("\n".join(lines) + "\n").encode()


def routing_csv(legs: int, minutes: float, unit_id: str = "nord", carers: int = 5, day: int = 1) -> bytes:
    """Measured carer-days of September before, all alike."""
    lines = ["unit;date;carer;legs;travel_minutes"]
    lines += [f"{unit_id};2026-09-{day:02d};m{n};{legs};{minutes}" for n in range(carers)]
    return ("\n".join(lines) + "\n").encode()
