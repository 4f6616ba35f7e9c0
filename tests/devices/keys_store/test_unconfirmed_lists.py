"""A lock that does not confirm a revocation in time gets a higher epoch: a list can be taken back, an epoch not."""

from devices.keys import revocations, store
from devices.keys.control import read_crl
from devices.keys.cose import server_trust
from devices.keys.holders import set_holders
from devices.keys.model import Bolt
from devices.keys.revocations import CONFIRM_WITHIN_S
from devices.keys.rights import revoke_shift
from devices.keys.tables import LockRow
from tests.devices.keys_store.town import Carer, Town, stop


def _lost(town: Town) -> Carer:
    """A carer with a grant for the door, whose tablet is then lost; the lock is expected to confirm."""
    town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 10)])
    assert len(town.grants(carer)) == 1
    with town.units.begin() as work:
        locks = revoke_shift(work, carer.shift_id)
        revocations.await_lists(work, locks, town.wall_s() + CONFIRM_WITHIN_S)
    return carer


def _lists(town: Town, lock_ids: frozenset[str]) -> None:
    with town.units.begin() as work:
        lists = revocations.revocation_lists(work, lock_ids, town.service_key)
    town.tell(lists)


def _due(town: Town) -> frozenset[str]:
    with town.units.begin() as work:
        return revocations.raise_unconfirmed(work, town.wall_s())


def _epoch(town: Town) -> int:
    with town.database.reading() as session:
        return session.get_one(LockRow, "lock-1").epoch


def test_a_lock_that_confirms_in_time_keeps_its_epoch(town: Town) -> None:
    _lost(town)
    _lists(town, frozenset({"lock-1"}))
    town.pass_s(CONFIRM_WITHIN_S)

    assert _due(town) == frozenset()
    assert _epoch(town) == 0


def test_a_silent_lock_gets_a_higher_epoch_once_and_obeys_it_when_it_comes_back(town: Town) -> None:
    carer = _lost(town)
    town.pass_s(CONFIRM_WITHIN_S - 0.1)
    assert _due(town) == frozenset(), "not before its time"
    town.pass_s(0.1)

    assert _due(town) == frozenset({"lock-1"})
    assert _due(town) == frozenset(), "once"
    assert _epoch(town) == 1
    _lists(town, frozenset({"lock-1"}))
    assert town.locks["lock-1"].access.epoch == 1
    assert [grant.epoch for grant in town.grants(carer)] == [1], "a right that holds gets a new grant"


def test_a_list_raised_meanwhile_does_not_make_a_confirmed_lock_silent(town: Town) -> None:
    _lost(town)
    _lists(town, frozenset({"lock-1"}))
    with town.units.begin() as work:
        store.raise_crl_version(work.session, ["lock-1"])
    town.pass_s(CONFIRM_WITHIN_S)

    assert _due(town) == frozenset()


def test_making_a_door_one_for_two_voids_what_was_minted_for_one(town: Town) -> None:
    lock = town.mount("lock-1", "door-1")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 10)])
    (old,) = town.grants(carer)
    with town.units.begin() as work:
        locks = set_holders(work, "door-1", 2, "planner")
        assert set_holders(work, "door-1", 2, "planner") == frozenset(), "said again it changes nothing"
    _lists(town, locks)

    (new,) = town.grants(carer)
    assert (old.epoch, new.epoch) == (0, 1)
    assert lock.bolt is Bolt.LOCKED
    trust = server_trust([town.issuer_key.verifying_key], [town.service_key.verifying_key])
    with town.units.begin() as work:
        (crl,) = revocations.revocation_lists(work, ["lock-1"], town.service_key)
    assert read_crl(crl.payload, trust).epoch == 1
