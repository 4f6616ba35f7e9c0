"""Grants and proofs nobody gave: forged issuers, other algorithms, keys everybody knows, somebody else's tablet."""

from collections.abc import Callable
from dataclasses import replace

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.keys.control import Crl, sign_crl
from devices.keys.cose import MessageKind, SigningKey
from devices.keys.grant import Grant, mint_grant, read_grant
from devices.keys.messages import OpenCommand
from devices.simulator.holder import HolderKey
from loadtests.attack.attempt import Attack, Held, Tried, shut
from loadtests.attack.knock import Bend, OverTheBroker, knock, near
from loadtests.attack.stage import Stage, Target

#: what a product in a hurry ships with (mqtt.md section 4: install mode with SCBK-D must never work)
_WELL_KNOWN = (bytes(32), bytes([1] * 32), bytes(range(32)), bytes(range(32, 64)), b"0123456789ABCDEF" * 2)


def _both(stage: Stage, target: Target, bend: Bend) -> Tried:
    online = shut(stage, target.lock_id, knock(stage, target, "online", bend))
    return Tried(online, shut(stage, target.lock_id, knock(stage, target, "near", bend)))


def _merged(tried: list[Tried]) -> Tried:
    first = tried[0]
    for each in tried[1:]:
        first = Tried(first.online & each.online, first.ferried & each.ferried)
    return first


def _grant(stage: Stage, target: Target) -> Grant:
    """The target's grant, read as the lock reads it: a thief has it in his hands."""
    return read_grant(target.token, stage.trust)


def _forged_issuer(stage: Stage) -> Tried:
    target = stage.common()
    stranger = SigningKey.generate()
    grant = _grant(stage, target)
    forged = mint_grant(grant, stranger)
    # As good as the signature itself: the kid of the real issuer over a stranger's signature.
    tag = cbor2.loads(forged)
    real = cbor2.loads(target.token).value[0]
    named = cbor2.dumps(cbor2.CBORTag(18, [real, {}, tag.value[2], tag.value[3]]))
    widened = cbor2.loads(target.token)
    payload = cbor2.dumps({**cbor2.loads(widened.value[2]), 4: 2_000_000_000}, canonical=True)
    stretched = cbor2.dumps(cbor2.CBORTag(18, [widened.value[0], {}, payload, widened.value[3]]))
    return _merged([_both(stage, target, _with_grant(raw)) for raw in (forged, named, stretched)])


def _algorithm_confusion(stage: Stage) -> Tried:
    target = stage.common()
    header, _, payload, signature = cbor2.loads(target.token).value
    kid = cbor2.loads(header)[4]
    tried = []
    for label in (-7, -257, 5, 0, None):
        other = cbor2.dumps({1: label, 4: kid} if label is not None else {4: kid}, canonical=True)
        tried.append(cbor2.dumps(cbor2.CBORTag(18, [other, {}, payload, signature])))
    # The algorithm moved to where it is not signed; an HMAC keyed with what everybody may know; no signature at all.
    tried.append(cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({4: kid}), {1: -8}, payload, signature])))
    tried.append(cbor2.dumps(cbor2.CBORTag(17, [header, {}, payload, signature[:32]])))
    tried.append(cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, b""])))
    tried.append(payload)
    return _merged([_both(stage, target, _with_grant(raw)) for raw in tried])


def _wrong_holder(stage: Stage) -> Tried:
    target, thief = stage.common(), HolderKey.generate()

    def own_key(command: OpenCommand) -> OpenCommand:
        """The grant, and a key of one's own that signed the challenge."""
        return replace(command, holder_key=thief.public_key, proof=bytes(64))

    def stolen_key(command: OpenCommand) -> OpenCommand:
        """The holder's public key, and a proof of somebody else's."""
        return replace(command, proof=bytes(reversed(command.proof)))

    def other_act(command: OpenCommand) -> OpenCommand:
        """The right proof, over another nonce."""
        proof = target.key.prove(target.lock_id, command.op, target.cti, bytes(16))
        return replace(command, proof=proof)

    return _merged([_both(stage, target, bend) for bend in (own_key, stolen_key, other_act)])


def _default_key(stage: Stage) -> Tried:
    target = stage.common()
    grant = _grant(stage, target)
    grants = [_both(stage, target, _with_grant(mint_grant(grant, SigningKey(seed)))) for seed in _WELL_KNOWN]
    lock = stage.locks[target.lock_id]
    before = lock.access.crl_version
    for carrier in (OverTheBroker(stage, target.lock_id), near(stage, target.lock_id)):
        for seed in _WELL_KNOWN:
            carrier.tell("crl", sign_crl(Crl(target.lock_id, before + 99, 0), SigningKey(seed)))
        carrier.challenge()
    unmoved = Held(lock.access.crl_version == before, "lists ignored")
    merged = _merged(grants)
    return Tried(merged.online & unmoved, merged.ferried & unmoved)


def _service_key(stage: Stage) -> Tried:
    """The gateway's own key, which signs lists and times, used to mint."""
    target = stage.common()
    minted = mint_grant(_grant(stage, target), stage.runtime.service_key)
    mixed = Ed25519PrivateKey.from_private_bytes(stage.runtime.service_key.private_bytes())
    header, _, payload, _ = cbor2.loads(minted).value
    to_sign = cbor2.dumps(["Signature1", header, MessageKind.CRL.context, payload])
    as_list = cbor2.dumps(cbor2.CBORTag(18, [header, {}, payload, mixed.sign(to_sign)]))
    return _merged([_both(stage, target, _with_grant(raw)) for raw in (minted, as_list)])


def _with_grant(raw: bytes) -> Callable[[OpenCommand], OpenCommand]:
    return lambda command: replace(command, grant=raw)


ATTACKS = (
    Attack("forged issuer", _forged_issuer),
    Attack("algorithm confusion", _algorithm_confusion),
    Attack("wrong holder", _wrong_holder),
    Attack("default key", _default_key),
    Attack("compromised gateway: its key as issuer", _service_key),
)
