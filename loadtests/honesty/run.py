"""One run: a simulated municipality through the real log, ledgers and report."""

import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sqlmodel import Session, SQLModel

from kernel.clock import SimulatedWorldClock
from kernel.consumers import Consumer, catch_up
from kernel.database import Database
from kernel.events import Event
from kernel.sequencer import Sequencer
from kernel.work import UnitsOfWork
from loadtests.honesty import screen, shifts, transfers
from loadtests.honesty.calendar import GO_LIVE_ON, LAST_ON, LIVED_FROM_ON, MERGED_ON, SEEN_AT
from loadtests.honesty.kinds import Kind, Measured
from loadtests.honesty.town import MERGING, UNIT, Lived
from metrics.baselines import import_time_study
from metrics.benefit_row import BenefitRow
from metrics.business_case import BusinessCase, load_cases
from metrics.pseudonyms import Pseudonyms
from metrics.report import all_benefits
from metrics.rules_beside import by_visit_type
from metrics.rules_beside.choice import choose_rule
from metrics.screen_weeks_ledger import ScreenLedger
from metrics.service import KeysLedger
from metrics.targets import AdoptedUnit, Adoption, target_over
from metrics.threats import SEEN
from metrics.transfer_days_ledger import TransferLedger
from scheduling.events import ShiftStarted, VisitBegun

#: Holds the part of the case that is not simulated, so that the unit's target is what its subjects should save.
_REST = "resten"
_GENERATORS: Mapping[Measured, Callable[[np.random.Generator, Kind], Lived]] = {
    "screen": screen.live,
    "transfers": transfers.live,
    "keys": shifts.live,
    "routing": shifts.live,
}
_PSEUDONYM_KEY = b"honesty: no person is behind these"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One technology of one run. Seconds; ``warnings`` are what the figure says against itself,
    absent where the rules were run alone."""

    technology: Measured
    kind: str
    seed: int
    truth_s: int
    target_s: int
    realised_s: int
    p10_s: int
    p90_s: int
    probability_ratio: float | None
    occasions: int
    warnings: tuple[str, ...] | None

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth."""
        return self.p10_s <= self.truth_s <= self.p90_s

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def generate(technology: Measured, kind: Kind, seed: int) -> Lived:
    """A municipality; the same arguments give the same one on any machine."""
    source = _GENERATORS[technology]
    return source(np.random.default_rng([zlib.crc32(kind.name.encode()), seed, len(source.__module__)]), kind)


def run(technology: Measured, kind: Kind, seed: int) -> list[Outcome]:
    """Live one municipality and read its figures; keys and routing come of the same shifts."""
    lived = generate(technology, kind, seed)
    rows = rows_of(lived, kind)
    return [_outcome(name, lived, rows[name], kind, seed) for name in sorted(lived.truth_s) if name in kind.of]


def rows_of(lived: Lived, kind: Kind, events: Sequence[Event] | None = None) -> dict[Measured, BenefitRow]:
    """What the report says of a municipality, by technology; ``events`` replaces what its log hears."""
    cases, adoptions = adoptions_of(lived, kind)
    with _database() as database:
        clock = SimulatedWorldClock(datetime(2026, 9, 20, 12, tzinfo=UTC))
        units, pseudonyms = UnitsOfWork(database, clock), Pseudonyms(_PSEUDONYM_KEY)
        _append(units, lived.enrolments)
        for technology, lines in files_of(lived):
            with units.begin() as work:
                import_time_study(
                    work,
                    "\n".join(lines).encode(),
                    known_units=[UNIT, *MERGING],
                    pseudonyms=pseudonyms,
                    technology=technology,
                )
        if kind.by_visit_type:
            with units.begin() as work:
                choose_rule(work, by_visit_type.RULE_VERSION, "benefit_owner")
        _append(units, [*(lived.events if events is None else events), *_much_later()])
        ledgers: tuple[Consumer, ...]
        if "keys" in lived.studies:
            ledgers = (KeysLedger(pseudonyms),)
        else:
            ledgers = (ScreenLedger(pseudonyms) if "screen" in lived.studies else TransferLedger(pseudonyms),)
        for ledger in ledgers:
            catch_up(units, ledger)
        with database.reading() as session:
            return _rows(session, lived, kind, cases, adoptions)


def _rows(
    session: Session, lived: Lived, kind: Kind, cases: Mapping[str, BusinessCase], adoptions: Mapping[str, Adoption]
) -> dict[Measured, BenefitRow]:
    rows = all_benefits(
        session,
        from_on=LIVED_FROM_ON,
        to_on=LAST_ON,
        cases=cases,
        adoptions=adoptions,
        reading="stated",
        now=SEEN_AT,
    )
    wanted = shown_row(kind)
    found = {(row.technology, row.unit_id): row for row in rows}
    return {name: found[name, wanted] for name in lived.truth_s}


def files_of(lived: Lived) -> Iterator[tuple[Measured, list[str]]]:
    """The files of measurements that are imported, each with its technology."""
    yield from lived.studies.items()
    if lived.visit_study:
        yield "screen", lived.visit_study


def shown_row(kind: Kind) -> str | None:
    """Whose row is looked at: the unit's; where units merge the row of all, for the figure is theirs together."""
    return None if kind.merge else UNIT


def _outcome(technology: Measured, lived: Lived, row: BenefitRow, kind: Kind, seed: int) -> Outcome:
    figure = row.compared if kind.compared else row
    if figure is None or figure.realised_s is None or figure.p10_s is None or figure.p90_s is None:
        raise ValueError(f"Expected figures of {technology} in {kind.name}, seed {seed}, got {row.status}.")
    said: list[str] = [row.reason] if row.reason is not None else []
    said += [threat if threat in SEEN else f"{threat}_not_ruled_out" for threat in row.threats]
    said += ["no_comparison"] if row.grade in ("C", "D") else []
    return Outcome(
        technology=technology,
        kind=kind.name,
        seed=seed,
        truth_s=lived.truth_s[technology],
        target_s=lived.nominal_s[technology] if kind.merge or not row.has_target else row.target_s,
        realised_s=figure.realised_s,
        p10_s=figure.p10_s,
        p90_s=figure.p90_s,
        # The row of all units has the target of those that are not simulated too; what is compared has no probability.
        probability_ratio=None if kind.merge or kind.compared else row.target_probability_ratio,
        occasions=row.occasion_count or 0,
        warnings=tuple(said),
    )


def adoptions_of(lived: Lived, kind: Kind) -> tuple[dict[str, BusinessCase], dict[str, Adoption]]:
    """The cases, and how the municipality took them into use: its unit has the target its subjects should save."""
    cases = load_cases()
    adopted: dict[str, Adoption] = {}
    for name in lived.truth_s:
        if name == "routing":
            continue
        case = next(case for case in cases.values() if case.technology == name)
        share = lived.nominal_s[name] / _whole_target_s(case.id)
        if share > 1:
            raise ValueError(f"Expected fewer subjects than the case of {name} has, got {share:.2f} times as many.")
        adopted[case.id] = Adoption(case_id=case.id, units=tuple(_units(case, kind, share)))
    return cases, adopted


def _units(case: BusinessCase, kind: Kind, share: float) -> Iterator[AdoptedUnit]:
    document_unit = case.rollout.units[0].name
    common: dict[str, Any] = {"document_unit": document_unit, "go_live_on": GO_LIVE_ON}
    # Shares are held to a hundred-thousandth; the rest takes what rounding leaves.
    whole = round(share, 4)
    parts = 3 if kind.merge else 1
    yield AdoptedUnit(unit_id=UNIT, name=UNIT, share=round(whole / parts, 4), **common)
    for unit in MERGING if kind.merge else ():
        ends = {"valid_to_on": MERGED_ON - timedelta(days=1), "merged_into": UNIT}
        yield AdoptedUnit(unit_id=unit, name=unit, share=round(whole / parts, 4), **ends, **common)
    yield AdoptedUnit(unit_id=_REST, name=_REST, share=round(1 - parts * round(whole / parts, 4), 4), **common)


@cache
def _whole_target_s(case_id: str) -> int:
    """What a case promises over the period if one unit were all of it."""
    case = load_cases()[case_id]
    unit = AdoptedUnit(
        unit_id=UNIT, name=UNIT, document_unit=case.rollout.units[0].name, go_live_on=GO_LIVE_ON, share=1
    )
    adoption = Adoption(case_id=case_id, units=(unit,))
    return target_over(case, adoption, UNIT, LIVED_FROM_ON, LAST_ON, "stated")


def _append(units: UnitsOfWork, events: Sequence[Event]) -> None:
    if events:
        with units.begin() as work:
            work.record(*events)
    Sequencer(units.database).run_until_empty()


def _much_later() -> Iterator[Event]:
    """Tells every ledger that all weeks and days of the period are over."""
    at = SEEN_AT - timedelta(hours=1)
    yield VisitBegun(
        at=at,
        visit_id="much-later",
        citizen_id="nobody",
        carer_id="nobody",
        unit_id=_REST,
        shift_id=None,
        mode="physical",
        source="manual",
        planned_start_at=at,
    )
    yield ShiftStarted(
        at=at,
        shift_id="much-later",
        carer_id="nobody",
        unit_id=_REST,
        kind="evening",
        place="base",
        day=at.date().isoformat(),
        planned_start_at=at,
        planned_end_at=at + timedelta(hours=8),
    )


@contextmanager
def _database() -> Iterator[Database]:
    """A fresh database in memory-backed storage where there is any."""
    shared = Path("/dev/shm")  # noqa: S108 (never a name another process knows)
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        path = Path(folder) / "town.db"
        shutil.copy(_empty(), path)
        database = Database(f"sqlite:///{path}", pool_size=2)
        try:
            yield database
        finally:
            database.dispose()


@cache
def _empty() -> Path:
    """An empty database of the current tables, made once."""
    path = Path(tempfile.mkdtemp()) / "empty.db"
    database = Database(f"sqlite:///{path}")
    SQLModel.metadata.create_all(database.engine)
    database.dispose()
    return path
