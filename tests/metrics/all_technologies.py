"""A municipality that uses every technology: three centres with keys, routes and screen visits, and a residence."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta

from devices.events import TransferRecorded
from kernel.consumers import catch_up
from kernel.events import Event
from kernel.localtime import at_local
from metrics.adoption import AdoptedUnit, Adoption
from metrics.baselines import import_time_study
from metrics.business_case import load_cases
from metrics.case_drivers import Reading
from metrics.report import BenefitRow, all_benefits
from metrics.screen_weeks_ledger import ScreenLedger
from metrics.service import KeysLedger
from metrics.technologies import Technology
from metrics.time_study import MeasuredTechnology
from metrics.transfer_days_ledger import TransferLedger
from metrics.waterfall import WaterfallStep, waterfall
from scheduling.events import CitizenEnrolled, Mode, VisitEnded
from tests.metrics.world import GO_LIVE_ON, UNITS, Shift, Stop, World, adoption
from video.events import ScreenVisitEnded

RESIDENCE = "bakken"
OWNER = "Leder af Borgercenter Hjemmepleje"
#: Monday of the first whole week after go-live; three weeks are lived.
FIRST_WEEK_ON = date(2026, 10, 5)
WEEKS = 3
LAST_ON = FIRST_WEEK_ON + timedelta(days=7 * WEEKS)
CITIZENS = RESIDENTS = 8
CARERS = 16


def case_id(technology: Technology) -> str:
    """The case of a technology."""
    return next(case.id for case in load_cases().values() if case.technology == technology)


def adoptions() -> dict[str, Adoption]:
    """Every case in use since go-live, one per case."""
    keys = adoption().model_copy(update={"owner": OWNER})
    found = [keys, keys.model_copy(update={"case_id": case_id("screen")})]
    wholes: Sequence[tuple[Technology, str, str]] = (
        ("transfers", RESIDENCE, "Borgercenter Handicap"),
        ("tablets", "nord", "Socialforvaltningen"),
        ("citizen_access", "nord", "Socialforvaltningen"),
    )
    for technology, unit_id, document_unit in wholes:
        unit = AdoptedUnit(
            unit_id=unit_id, name=unit_id.title(), document_unit=document_unit, go_live_on=GO_LIVE_ON, share=1
        )
        found.append(Adoption(case_id=case_id(technology), units=(unit,)))
    return {each.case_id: each for each in found}


class WholeWorld(World):
    """A world whose three ledgers all run."""

    def fold(self, batch: int = 2_000) -> int:
        """Let every ledger read everything."""
        ledgers = (KeysLedger(self.pseudonyms), ScreenLedger(self.pseudonyms), TransferLedger(self.pseudonyms))
        return sum(catch_up(self.units, ledger, batch) for ledger in ledgers)

    def measure_all(self) -> None:
        """Import a baseline of every technology."""
        self.measure()
        for technology, lines in _STUDIES.items():
            with self.units.begin() as work:
                import_time_study(
                    work,
                    "\n".join(lines()).encode(),
                    known_units=[*UNITS, RESIDENCE],
                    pseudonyms=self.pseudonyms,
                    technology=technology,
                )
            self.sequencer.run_until_empty()

    def live_three_weeks(self, *, driving: bool = True) -> None:
        """Enrol everybody before go-live, live the weeks, and let every ledger enter what is over.

        Without ``driving`` nobody works a shift: screen visits and transfers alone, in a tenth of the time.
        """
        self.append(*_enrolments())
        self.measure_all()
        self.live(
            *(
                _shift(unit, n, FIRST_WEEK_ON + timedelta(days=day))
                for day in range(10 if driving else 0)
                for unit in UNITS
                for n in range(CARERS)
            )
        )
        self.append(*sorted([*_screen_weeks(), *_transfer_days()], key=lambda event: event.at))
        # The first event after a week or day is settled enters it.
        after_on = LAST_ON + timedelta(days=1)
        self.append(*_transfers_of(0, after_on))
        self.append(*_visit("after", "nord-citizen-0", "nord", "screen", at_local(after_on, time(9))))
        self.fold()
        self.clock.advance_to(at_local(LAST_ON + timedelta(days=1), time(12)))

    def rows(self, reading: Reading = "stated") -> list[BenefitRow]:
        """The report of every technology from go-live to the last completed day."""
        with self.database.reading() as session:
            return all_benefits(
                session,
                from_on=GO_LIVE_ON,
                to_on=LAST_ON,
                cases=load_cases(),
                adoptions=adoptions(),
                reading=reading,
                now=self.clock.now(),
            )

    def steps(self) -> list[WaterfallStep]:
        """The waterfall of the same days."""
        with self.database.reading() as session:
            return waterfall(
                session,
                from_on=GO_LIVE_ON,
                to_on=LAST_ON,
                cases=load_cases(),
                adoptions=adoptions(),
                now=self.clock.now(),
            )


def _shift(unit_id: str, number: int, day: date) -> Shift:
    """Three visits with 15 and 20 minutes between them; the last ends four minutes before the shift does."""
    head_min = 4 + number % 5
    stops = (
        Stop(head_min, head_min + 30, source="device", locked=True),
        Stop(head_min + 45, head_min + 75),
        Stop(head_min + 95, head_min + 125, source="device", locked=True),
    )
    return Shift(f"{unit_id}-{number}", day, stops, unit_id, length_min=head_min + 129)


def _citizens() -> Iterator[tuple[str, str, int]]:
    yield from ((unit, f"{unit}-citizen-{n}", n) for unit in UNITS for n in range(CITIZENS))


def _enrolments() -> list[Event]:
    at = at_local(GO_LIVE_ON, time(6)) - timedelta(days=2)
    screen = [
        CitizenEnrolled(at=at, citizen_id=citizen, unit_id=unit, technology="screen")
        for unit, citizen, _n in _citizens()
    ]
    residents = [
        CitizenEnrolled(at=at, citizen_id=f"resident-{n}", unit_id=RESIDENCE, technology="transfers")
        for n in range(RESIDENTS)
    ]
    return [*screen, *residents]


def _screen_weeks() -> Iterator[Event]:
    """Each week a physical visit of 25 min, 8 min away, and two screen visits of 12; before it was three visits."""
    for week in range(WEEKS):
        for unit, citizen, n in _citizens():
            for day, mode in ((0, "physical"), (2, "screen"), (4, "screen")):
                begun_at = at_local(FIRST_WEEK_ON + timedelta(days=7 * week + day), time(9)) + timedelta(minutes=n)
                yield from _visit(f"{citizen}-{week}-{day}", citizen, unit, mode, begun_at)


def _visit(visit_id: str, citizen: str, unit: str, mode: str, begun_at: datetime) -> Iterator[Event]:
    physical = mode == "physical"
    modes: dict[str, Mode] = {"physical": "physical", "screen": "screen"}
    ended_at = begun_at + timedelta(minutes=25 if physical else 12)
    who = {"visit_id": visit_id, "citizen_id": citizen, "carer_id": f"{unit}-screen-carer", "unit_id": unit}
    yield VisitEnded(
        at=ended_at,
        shift_id=None,
        mode=modes[mode],
        outcome="done",
        begun_at=begun_at,
        travel_s=480 if physical else 0,
        service="talk",
        **who,
    )
    if not physical:
        yield ScreenVisitEnded(
            at=ended_at, room_id=visit_id, outcome="completed", attempts=1, begun_at=begun_at, talk_s=700, **who
        )


def _transfer_days() -> Iterator[Event]:
    for n in range(RESIDENTS):
        for day in range(7 * WEEKS):
            yield from _transfers_of(n, FIRST_WEEK_ON + timedelta(days=day))


def _transfers_of(resident: int, day: date) -> Iterator[Event]:
    """Four cycles; at every second one a second carer is there for three minutes."""
    for cycle in range(4):
        started_at = at_local(day, time(7 + 4 * cycle)) + timedelta(minutes=resident)
        second_s = 180 if cycle % 2 else 0
        yield TransferRecorded(
            at=started_at + timedelta(minutes=6),
            transfer_id=f"{resident}-{day}-{cycle}",
            device_id=f"lift-{resident}",
            device_kind="lift" if resident % 2 else "turning",
            unit_id=RESIDENCE,
            citizen_id=f"resident-{resident}",
            in_residence=True,
            day=day.isoformat(),
            started_at=started_at,
            ended_at=started_at + timedelta(minutes=6),
            duration_s=360,
            setup_s=30,
            carers=2 if second_s else 1,
            second_carer_s=second_s,
            evidence="badge",
        )


def _screen_study() -> list[str]:
    return ["unit;week;citizen;visit_minutes;travel_minutes"] + [
        f"{unit};2026-W{week};{citizen};{70 + n + week % 3};{20 + n % 3}"
        for unit, citizen, n in _citizens()
        for week in range(34, 38)
    ]


def _transfer_study() -> list[str]:
    return ["unit;date;resident;second_carer_minutes;technology"] + [
        f"{RESIDENCE};2026-09-{day:02d};resident-{n};{34 + n % 4 + day % 3};{'lift' if n % 2 else 'turning'}"
        for n in range(RESIDENTS)
        for day in range(1, 11)
    ]


def _routing_study() -> list[str]:
    return ["unit;date;carer;legs;travel_minutes"] + [
        f"{unit};2026-09-{day:02d};{unit}-{n};8;{160 + n % 4 + day % 3}"
        for unit in UNITS
        for n in range(CARERS)
        for day in range(1, 6)
    ]


_STUDIES: dict[MeasuredTechnology, Callable[[], list[str]]] = {
    "screen": _screen_study,
    "transfers": _transfer_study,
    "routing": _routing_study,
}
