"""Servers that are not on our side: a broker that lies, a gateway taken over, a signer asked behind its back."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from sqlmodel import select

from devices.keys.answer import Answer, sign_answer
from devices.keys.cose import SigningKey
from devices.keys.messages import Challenge, ChallengeRequest, decode_message
from devices.keys.model import Bolt, ClockState, LockResult, Operation
from devices.keys.signer.client import SignerClient
from devices.keys.signer.errors import SignerError
from devices.keys.signer.model import Minted, MintRequest
from devices.keys.signing import load_or_create_secret
from devices.keys.tables import LockRow
from devices.keys.topics import Direction
from devices.simulator.holder import HolderKey
from gateway.runtime import signer_address, signer_secret
from gateway.wire import b64u, from_b64u
from loadtests.attack.attempt import Attack, Held, Tried, refused, shut
from loadtests.attack.stage import Stage, Target, require
from scheduling.tables import RouteRow


def _lying_broker(stage: Stage) -> Tried:
    """It answers in the lock's name: a challenge of its own, and that the door is open."""
    target = stage.target()
    stage.fleet.lose(target.lock_id)
    require(lambda: stage.fleet.wait_up(0.1), "the lock to lose its network")
    opening = _with_false_challenge(stage, target)
    harmless = Held(True, "no challenge believed")
    if opening["state"] == "challenged":
        # The tablet signs what it was given; the true lock has never heard of that nonce.
        nonce = from_b64u(opening["nonce"])
        signature = target.key.prove(target.lock_id, Operation.OPEN, target.cti, nonce)
        proved = {"token": b64u(target.token), "public_key": b64u(target.key.public_key), "signature": b64u(signature)}
        harmless = Held(True, "false nonce signed, worth nothing")
        target.tablet.call("POST", f"/api/v1/openings/{opening['id']}/proof", proved)
    lie = Answer(
        target.lock_id,
        bytes.fromhex(opening["id"]),
        LockResult.OPENED,
        None,
        target.cti,
        1,
        1,
        None,
        5_900,
        0,
        Bolt.UNLOCKED,
    )
    for key in (SigningKey.generate(), stage.runtime.service_key):
        stage.tap.say(target.lock_id, Direction.UP, "answer", sign_answer(lie, key))
    stage.fleet.restore(target.lock_id)
    require(lambda: stage.fleet.wait_up(0.1), "the lock to come back")
    said = require(lambda: _settled(target, opening["id"]), "the opening to be settled", 20.0)
    believed = Held(said != "unlocked", f"opening {said}")
    online = harmless & believed & shut(stage, target.lock_id, None)
    return Tried(online, shut(stage, target.lock_id, None), "denial of service, nothing more")


def _compromised_gateway(stage: Stage) -> Tried:
    """Whoever owns the gateway has its secret for the signer, and asks for what nobody planned."""
    target, other = stage.target(), stage.target()
    secret = load_or_create_secret(signer_secret(stage.runtime.settings))
    own_key = HolderKey.generate()
    true = _request(stage, target)
    wishes = {
        "a key of one's own": replace(true, holder_thumbprint=own_key.thumbprint),
        "another's door": replace(true, door_id=other.door_id, lock_ids=(other.lock_id,)),
        "another's visit": replace(true, visit_id=other.visit_id),
        "a route of the future": replace(true, route_version=true.route_version + 1),
        "a shift that is none": replace(true, shift_id="2026-11-25.nobody", holder_thumbprint=own_key.thumbprint),
        "a lock not on that door": replace(true, lock_ids=(true.lock_ids[0], other.lock_id)),
        "an older epoch": replace(true, epoch=true.epoch + 7),
    }
    client = SignerClient(signer_address(stage.runtime.settings), secret)
    try:
        results = dict(zip(wishes, client.mint(list(wishes.values())), strict=True))
    finally:
        client.close()
    minted = [wish for wish, result in results.items() if isinstance(result, Minted)]
    codes = sorted({str(result.code) for result in results.values() if not isinstance(result, Minted)})
    online = Held(not minted, f"MINTED: {minted}" if minted else f"not minted, for {len(codes)} reasons")
    journal = (stage.runtime.settings.work_dir / "signer.log").read_text(encoding="utf-8")
    written = Held(all(code in journal for code in codes), "each refusal in the signer's own log")
    return Tried(online & written, Held(True, "holds no grant"), "a false route in the log: loud, within quotas")


def _stranger_at_the_signer(stage: Stage) -> Tried:
    """Somebody on the machine without the secret."""
    client = SignerClient(signer_address(stage.runtime.settings), secrets.token_bytes(32), 2.0)
    try:
        client.mint([_request(stage, stage.common())])
    except SignerError as error:
        online = Held(True, error.code)
    else:
        online = Held(False, "MINTED")
    finally:
        client.close()
    return Tried(online, Held(True, "-"))


def _emergency_abuse(stage: Stage) -> Tried:
    """Nødkald is for one's own unit and loud; it opens nobody else's door."""
    own = stage.target()
    other = stage.other_target(own, unit=True)
    citizen = next(v.citizen_id for v in stage.day.visits if v.id == other.visit_id)
    body = {"citizen_id": citizen, "reason": "fall"}
    online = refused(lambda: own.tablet.call("POST", "/api/v1/me/emergencies", body))
    return Tried(online & shut(stage, other.lock_id, None), Held(True, "holds no grant"))


def _with_false_challenge(stage: Stage, target: Target) -> dict[str, Any]:
    """Lås op while the lock is away: the broker answers with a nonce of its own."""
    path = f"/api/v1/doors/{target.door_id}/openings"
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(target.tablet.call, "POST", path, {"visit_id": target.visit_id})
        questions = require(
            lambda: stage.tap.heard_down(target.lock_id, "challenge"), "the gateway to ask for a challenge"
        )
        question = decode_message(Direction.DOWN, "challenge", questions[-1])
        request = question.request if isinstance(question, ChallengeRequest) else b""
        lie = Challenge(target.lock_id, request, secrets.token_bytes(16), 10_000, 9, 0, 0, ClockState.OK, 5_900)
        stage.tap.say(target.lock_id, Direction.UP, "challenge", lie.encode())
        opening: dict[str, Any] = asked.result(30)["opening"]
    return opening


def _settled(target: Target, opening_id: str) -> str | None:
    state: str = target.tablet.opening(opening_id)["state"]
    return None if state in ("requested", "challenged", "sent") else state


def _request(stage: Stage, target: Target) -> MintRequest:
    """What the gateway asks for this carer's first door: true in every word."""
    with stage.runtime.database.reading() as session:
        route = session.exec(
            select(RouteRow).where(RouteRow.carer_id == target.tablet.carer_id, RouteRow.day == stage.day.on)
        ).one()
        epoch = session.exec(select(LockRow.epoch).where(LockRow.lock_id == target.lock_id)).one()
        return MintRequest(
            route_id=route.id,
            route_version=route.version,
            visit_id=target.visit_id,
            door_id=target.door_id,
            lock_ids=(target.lock_id,),
            carer_id=target.tablet.carer_id,
            shift_id=f"{stage.day.on.isoformat()}.{target.tablet.carer_id}",
            holder_thumbprint=target.key.thumbprint,
            epoch=epoch,
        )


ATTACKS = (
    Attack("lying broker", _lying_broker),
    Attack("compromised gateway: signer asked directly", _compromised_gateway),
    Attack("signer asked without its secret", _stranger_at_the_signer),
    Attack("emergency at another unit's door", _emergency_abuse),
)
