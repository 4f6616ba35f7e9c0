"""Trust lists as the server keeps them: the newest for each lock, and no grant of a key that is forgotten."""

from datetime import timedelta

from devices.keys.signer.keyring import GRANT_LIFE
from devices.keys.signer.model import SignedTrust
from devices.keys.trust_store import keep_trust, locks_without_trust, present_trust, void_grants
from tests.devices.keys_store.town import START_AT, Carer, Town, stop


def _ready(town: Town) -> Carer:
    town.mount("lock-1", "door-1")
    town.mount("lock-2", "door-2")
    carer = town.begin_shift()
    town.publish(carer, 1, [stop("v1", "door-1", 60), stop("v2", "door-2", 90)])
    return carer


def _spread(town: Town) -> int:
    """Keep the present list for every lock, as the gateway does; how many grants that voided."""
    lists = town.keys.sign_lists(["lock-1", "lock-2"])
    with town.units.begin() as work:
        keep_trust(work, lists)
        return void_grants(work, lists)


def _replace_key(town: Town) -> None:
    town.keys.announce(START_AT)
    town.keys.switch(START_AT, timedelta(hours=36) + GRANT_LIFE, at_once=True)


def test_a_replaced_key_costs_no_grant_and_a_forgotten_one_costs_all_it_signed(town: Town) -> None:
    carer = _ready(town)
    before = {grant.cti for grant in town.grants(carer)}
    assert len(before) == 2

    _replace_key(town)
    assert _spread(town) == 0
    assert {grant.cti for grant in town.grants(carer)} == before

    assert town.keys.drop(START_AT, at_once=True)
    assert _spread(town) == 2
    after = {grant.cti for grant in town.grants(carer)}
    assert (len(after), after & before) == (2, set())
    assert _spread(town) == 0


def test_the_newest_list_of_each_mounted_lock_is_kept_and_handed_on(town: Town) -> None:
    _ready(town)
    with town.units.begin() as work:
        keep_trust(work, [SignedTrust("lock-1", 3, b"third"), SignedTrust("nobody", 3, b"x")])
        keep_trust(work, [SignedTrust("lock-1", 2, b"second")])

    with town.database.reading() as session:
        assert [(out.device_id, out.name, out.payload) for out in present_trust(session, ["lock-1", "lock-2"])] == [
            ("lock-1", "trust", b"third")
        ]
        assert locks_without_trust(session, 3, 10) == ["lock-2"]
        assert locks_without_trust(session, 4, 1) == ["lock-1"]


def test_a_lock_that_says_it_has_an_older_list_gets_the_newest_and_one_that_has_it_gets_none(town: Town) -> None:
    _ready(town)
    _replace_key(town)
    _spread(town)
    lock = town.locks["lock-1"]

    answered = town.inbox.accept([town.incoming("lock-1", "birth", lock.birth())]).outgoing
    (message,) = [out.payload for out in answered if out.name == "trust"]
    reported = [out for out in lock.on_message("trust", message) if out.name == "cfg"]

    again = town.inbox.accept([town.incoming("lock-1", "cfg", reported[0].payload)]).outgoing
    assert [out.name for out in again if out.name == "trust"] == []
    assert lock.trust_version == 1
