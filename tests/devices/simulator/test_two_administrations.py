"""A stairwell of the housing company and a flat of the municipality: one grant, one act, each judged by its owner."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from devices.keys.answer import read_answer
from devices.keys.chain import ChainState
from devices.keys.control import Crl, sign_crl
from devices.keys.cose import SigningKey, VerifyingKey, lock_trust, server_trust
from devices.keys.grant import Grant, mint_grant
from devices.keys.messages import Birth, CfgReport, Challenge, ChallengeRequest, decode_message
from devices.keys.model import Bolt, LockResult
from devices.keys.topics import Direction
from devices.keys.trust_list import TrustedIssuer, TrustList, sign_trust
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.lock import SimulatedLock
from devices.simulator.near_client import NearClient
from devices.simulator.near_link import NearLink
from tests.devices.simulator.door_bench import LOCK_ID, DoorBench

UP = Direction.UP
STAIRS = "stairwell"
TOWN, HOUSING = "omsorgstid", "boligselskab"


class Stairwell:
    """The housing company's lock, issuer, root and service; nothing of it is the municipality's."""

    def __init__(self, flat: DoorBench) -> None:
        self.issuer, self.service, self.root = (SigningKey(bytes([number]) * 32) for number in (11, 12, 13))
        trust = server_trust([self.issuer.verifying_key], [self.service.verifying_key], [self.root.verifying_key])
        self.lock = SimulatedLock(STAIRS, trust, world=flat.world, link=flat.link, behaviour=FAULTLESS, seed=2)
        self.lock.power_on()
        self.flat = flat
        self.asked = 0
        self.trust = lock_trust(VerifyingKey(self.lock.public_key))

    def trusted(self, version: int = 1, *, town_keys: tuple[bytes, ...] | None = None, lock: str = STAIRS) -> TrustList:
        """The housing company believes itself and, unless said otherwise, the municipality."""
        keys = (self.flat.issuer.public_bytes,) if town_keys is None else town_keys
        own = TrustedIssuer(HOUSING, (self.issuer.public_bytes,))
        return TrustList(lock, version, HOUSING, (own, TrustedIssuer(TOWN, keys)) if keys else (own,))

    def tell(self, trust_list: TrustList, root: SigningKey | None = None) -> list[str]:
        """Hand the lock a list; the names of what it says to it."""
        return [out.name for out in self.lock.on_message("trust", sign_trust(trust_list, root or self.root))]

    def revoke(self, version: int, epoch: int = 0, **epochs: int) -> None:
        """Hand the lock a revocation list with an epoch per issuer."""
        crl = Crl(STAIRS, version, epoch, epochs=epochs)
        self.lock.on_message("crl", sign_crl(crl, self.service))

    def open(self, grant: Grant, issuer: SigningKey) -> str | None:
        """Try a grant; the code of the denial, ``None`` if the door opened."""
        self.asked += 1
        (given,) = self.lock.on_message("challenge", ChallengeRequest(self.asked.to_bytes(16, "big")).encode())
        challenge = decode_message(UP, given.name, given.payload)
        assert isinstance(challenge, Challenge)
        command = self.flat.mette.command(challenge, mint_grant(grant, issuer), grant.cti)
        out = self.lock.on_message("open", command.encode())
        return read_answer(out[0].payload, self.trust).code


@pytest.fixture
def stairs() -> Stairwell:
    return Stairwell(DoorBench())


def both(stairs: Stairwell, **changes: object) -> Grant:
    """The municipality's grant for stairwell and flat."""
    return replace(stairs.flat.grant(), aud=(STAIRS, LOCK_ID), **changes)  # type: ignore[arg-type]


@pytest.fixture
def link(stairs: Stairwell) -> Iterator[NearLink]:
    near = NearLink({STAIRS: stairs.lock})
    near.add({LOCK_ID: stairs.flat.lock})
    near.start()
    yield near
    near.stop()


def test_one_grant_opens_stairwell_and_flat_in_one_act_each_with_a_challenge_and_an_answer_of_its_own(
    stairs: Stairwell, link: NearLink
) -> None:
    stairs.tell(stairs.trusted())
    grant = both(stairs)
    token, answers = mint_grant(grant, stairs.flat.issuer), {}
    for lock_id, trust in ((STAIRS, stairs.trust), (LOCK_ID, stairs.flat.trust)):
        with NearClient(link.url, lock_id) as tablet:
            tablet.send("challenge", ChallengeRequest(b"\x05" * 16).encode())
            challenge = decode_message(UP, "challenge", tablet.next("challenge"))
            assert isinstance(challenge, Challenge)
            tablet.send("open", stairs.flat.mette.command(challenge, token, grant.cti).encode())
            answers[lock_id] = read_answer(tablet.next("answer"), trust)

    assert {lock_id: answer.result for lock_id, answer in answers.items()} == {
        STAIRS: LockResult.OPENED,
        LOCK_ID: LockResult.OPENED,
    }
    assert {answer.cti for answer in answers.values()} == {grant.cti}


def test_before_its_owner_says_so_the_stairwell_knows_no_grant_of_the_municipality(stairs: Stairwell) -> None:
    assert stairs.open(both(stairs), stairs.flat.issuer) == "bad_grant"
    assert stairs.lock.bolt is Bolt.LOCKED


def test_each_issuer_is_judged_by_its_own_epoch(stairs: Stairwell) -> None:
    stairs.tell(stairs.trusted())
    own = replace(both(stairs), iss=HOUSING, epoch=1)
    stairs.revoke(1, epoch=4, omsorgstid=2)

    assert stairs.open(own, stairs.issuer) == "epoch_revoked"
    assert stairs.open(replace(own, epoch=4), stairs.issuer) is None
    assert stairs.open(both(stairs, epoch=1), stairs.flat.issuer) == "epoch_revoked"
    assert stairs.open(both(stairs, epoch=2), stairs.flat.issuer) is None

    stairs.revoke(2, epoch=0, omsorgstid=0)  # no epoch ever falls
    assert stairs.open(both(stairs, epoch=1), stairs.flat.issuer) == "epoch_revoked"


def test_no_issuer_speaks_as_another_to_get_round_its_epoch(stairs: Stairwell) -> None:
    stairs.tell(stairs.trusted())

    assert stairs.open(both(stairs, iss=HOUSING), stairs.flat.issuer) == "bad_grant"
    assert stairs.open(both(stairs, iss="somebody"), stairs.flat.issuer) == "bad_grant"


def test_an_issuer_that_is_left_out_of_the_next_list_opens_nothing_any_more(stairs: Stairwell) -> None:
    stairs.tell(stairs.trusted())
    assert stairs.open(both(stairs), stairs.flat.issuer) is None

    stairs.tell(stairs.trusted(2, town_keys=()))

    assert stairs.open(both(stairs), stairs.flat.issuer) == "bad_grant"


def test_a_list_is_taken_over_once_reported_and_recorded_and_outlives_a_start(stairs: Stairwell) -> None:
    first, again = stairs.tell(stairs.trusted(3)), stairs.tell(stairs.trusted(3))
    out = stairs.lock.power_on()

    assert (first, again) == (["cfg", "evt"], [])
    assert stairs.open(both(stairs), stairs.flat.issuer) is None
    birth = decode_message(UP, out[0].name, out[0].payload)
    assert isinstance(birth, Birth)
    assert birth.trust_version == 3


def test_the_report_after_a_list_names_its_version(stairs: Stairwell) -> None:
    out = stairs.lock.on_message("trust", sign_trust(stairs.trusted(5), stairs.root))

    report = decode_message(UP, out[0].name, out[0].payload)
    assert isinstance(report, CfgReport)
    assert report.trust_version == 5


@pytest.mark.parametrize("signer", ["service", "issuer", "the other root"])
def test_only_the_root_of_its_own_administration_says_whom_a_lock_believes(stairs: Stairwell, signer: str) -> None:
    key = {"service": stairs.service, "issuer": stairs.issuer, "the other root": stairs.flat.root}[signer]

    assert stairs.tell(stairs.trusted(), key) == []
    assert stairs.lock.ignored["signature_key_unknown"] == 1
    assert stairs.open(both(stairs), stairs.flat.issuer) == "bad_grant"


def test_an_older_list_and_the_list_of_another_lock_change_nothing(stairs: Stairwell) -> None:
    stairs.tell(stairs.trusted(2, town_keys=()))

    assert stairs.tell(stairs.trusted(1)) == []
    assert stairs.tell(stairs.trusted(9, lock=LOCK_ID)) == []
    assert stairs.lock.ignored["trust_not_heeded"] == 2
    assert stairs.lock.trust_version == 2


def test_half_an_opening_by_two_does_not_outlive_a_new_list(stairs: Stairwell) -> None:
    stairs.tell(stairs.trusted())
    stairs.open(both(stairs, dual=True), stairs.flat.issuer)
    stairs.tell(stairs.trusted(2))
    ali = replace(both(stairs, dual=True), cti=b"\x09" * 16, cnf=stairs.flat.ali.thumbprint)
    stairs.flat.mette = stairs.flat.ali

    stairs.open(ali, stairs.flat.issuer)

    assert stairs.lock.bolt is Bolt.LOCKED


@pytest.mark.parametrize(
    "changes",
    [
        {"issuers": ()},
        {"own": "nobody"},
        {"issuers": (TrustedIssuer("a", (b"k" * 32,)), TrustedIssuer("a", (b"l" * 32,)))},
        {"issuers": (TrustedIssuer("a", (b"k" * 32,)), TrustedIssuer("b", (b"k" * 32,)))},
        {"issuers": (TrustedIssuer("a", ()),)},
    ],
)
def test_a_list_that_makes_no_sense_is_not_made(changes: dict[str, object]) -> None:
    good = TrustList("x", 1, "a", (TrustedIssuer("a", (b"k" * 32,)),))

    with pytest.raises(ValueError, match="Expected"):
        replace(good, **changes)  # type: ignore[arg-type]


def test_the_chain_of_a_lock_that_was_told_of_issuers_goes_on(stairs: Stairwell) -> None:
    flat = stairs.flat
    own = TrustedIssuer(TOWN, (flat.issuer.public_bytes,))

    fresh = flat.take(flat.lock.on_message("trust", sign_trust(TrustList(LOCK_ID, 1, TOWN, (own,)), flat.root)))

    assert [signed.event.type for signed in fresh] == ["trust"]
    assert flat.state != ChainState.start(LOCK_ID)
