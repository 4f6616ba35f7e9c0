"""How many grants a carer and a unit may get within an hour. Pure: time arrives as an argument."""

from collections import deque
from datetime import datetime, timedelta

from devices.keys.signer.model import MintRefusal, Quotas

HOUR = timedelta(hours=1)


class QuotaCounter:
    """Counts what was minted within any 60 minutes, by carer and by unit."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas
        self._carers: dict[str, deque[datetime]] = {}
        self._units: dict[str, deque[datetime]] = {}

    def exceeded(self, carer_id: str, unit_id: str, now: datetime) -> MintRefusal | None:
        """The quota that one more grant would break, if any."""
        if _count(self._carers, carer_id, now) >= self._quotas.per_carer:
            return MintRefusal.QUOTA_CARER
        if _count(self._units, unit_id, now) >= self._quotas.per_unit:
            return MintRefusal.QUOTA_UNIT
        return None

    def minted(self, carer_id: str, unit_id: str, at: datetime) -> None:
        """One grant was minted."""
        self._carers.setdefault(carer_id, deque()).append(at)
        self._units.setdefault(unit_id, deque()).append(at)


def _count(minted: dict[str, deque[datetime]], who: str, now: datetime) -> int:
    times = minted.get(who)
    if times is None:
        return 0
    while times and times[0] <= now - HOUR:
        times.popleft()
    if not times:
        del minted[who]
    return len(times)
