"""Splitting sampled days, once a day of world time: which technology freed what, as a check beside the waterfall."""

import zlib
from collections.abc import Collection
from datetime import date, datetime, timedelta

from sqlmodel import Session

from kernel.localtime import local_day
from kernel.work import UnitsOfWork
from metrics.split.day import DRAWS, Replayer, split_day
from metrics.split.store import ledgers_behind, lived_unit_day, settled_until, split_days
from metrics.split.tables import SplitDayRow

#: How far back days are looked at, and one of how many is sampled.
LOOK_BACK_DAYS = 21
ONE_OF = 3


def sampled(unit_id: str, day_on: date) -> bool:
    """Whether a unit's day is in the sample: one of three by its name, the same on every machine."""
    return zlib.crc32(f"{unit_id}:{day_on.isoformat()}".encode()) % ONE_OF == 0


def split_sampled_days(units: UnitsOfWork, unit_ids: Collection[str], now: datetime, replayer: Replayer) -> int | None:
    """Split every sampled day of these units that is settled and not split yet.

    Returns how many were; ``None`` where a ledger is still reading and it has to be tried again.

    A day is settled when the citizens' week it lies in is; one on which fewer than two technologies have enough
    subjects has nothing to be shared. Several processes do no harm: a day they both split has the same figures, and
    the one that is later finds it there.
    """
    with units.database.reading() as session:
        if ledgers_behind(session):
            return None
        until_on = settled_until(session)
    if until_on is None:
        return 0
    settled = (local_day(now) - timedelta(days=LOOK_BACK_DAYS), until_on)
    done = 0
    for unit_id in sorted(unit_ids):
        with units.database.reading() as session:
            rows = _rows_of(session, unit_id, settled, now, replayer)
        if rows:
            with units.begin() as work:
                known = split_days(work.session, unit_id, *settled)
                work.session.add_all([row for row in rows if row.day_on not in known])
            done += len({row.day_on for row in rows})
    return done


def _rows_of(
    session: Session, unit_id: str, settled: tuple[date, date], now: datetime, replayer: Replayer
) -> list[SplitDayRow]:
    known = split_days(session, unit_id, *settled)
    rows: list[SplitDayRow] = []
    for offset in range((settled[1] - settled[0]).days + 1):
        day_on = settled[0] + timedelta(days=offset)
        if day_on in known or not sampled(unit_id, day_on):
            continue
        day, ledger_s = lived_unit_day(session, unit_id, day_on)
        if len(day.players()) < 2:
            continue
        rows += [
            SplitDayRow(
                unit_id=unit_id,
                day_on=day_on,
                technology=part.technology,
                split_s=part.seconds,
                error_s=part.error_s,
                ledger_s=ledger_s[part.technology],
                draws=DRAWS,
                computed_at=now,
            )
            for part in split_day(replayer, day)
        ]
    return rows
