"""However many doors are on the routes, a carer and a unit get only so many grants an hour."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.keys.signer.model import MintRefusal, Quotas
from devices.keys.signer.quota import QuotaCounter

NOW = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)


def test_a_carers_quota_frees_itself_an_hour_after_each_grant() -> None:
    quota = QuotaCounter(Quotas(per_carer=2, per_unit=10))
    for minute in (0, 10):
        assert quota.exceeded("a", "unit", NOW + timedelta(minutes=minute)) is None
        quota.minted("a", "unit", NOW + timedelta(minutes=minute))
    assert quota.exceeded("a", "unit", NOW + timedelta(minutes=59)) is MintRefusal.QUOTA_CARER
    assert quota.exceeded("b", "unit", NOW + timedelta(minutes=59)) is None
    assert quota.exceeded("a", "unit", NOW + timedelta(minutes=60)) is None


def test_a_units_quota_counts_all_its_carers() -> None:
    quota = QuotaCounter(Quotas(per_carer=2, per_unit=3))
    for carer in ("a", "b", "c"):
        quota.minted(carer, "unit", NOW)
    assert quota.exceeded("d", "unit", NOW) is MintRefusal.QUOTA_UNIT
    assert quota.exceeded("d", "other", NOW) is None


@pytest.mark.parametrize("quotas", [(0, 1), (1, 0)])
def test_a_quota_of_nothing_is_a_wrong_setting(quotas: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="quotas >= 1"):
        Quotas(*quotas)


@given(st.lists(st.integers(min_value=0, max_value=900), max_size=40))
def test_no_sixty_minutes_ever_hold_more_than_the_quota(gaps_s: list[int]) -> None:
    quota, now = QuotaCounter(Quotas(per_carer=5, per_unit=100)), NOW
    minted: list[datetime] = []
    for gap_s in gaps_s:
        now += timedelta(seconds=gap_s)
        if quota.exceeded("a", "unit", now) is None:
            quota.minted("a", "unit", now)
            minted.append(now)
        assert sum(at > now - timedelta(hours=1) for at in minted) <= 5
