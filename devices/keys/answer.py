"""The lock's answer to one command, signed by the lock: the only thing that may say a door is open."""

from dataclasses import dataclass, field
from datetime import datetime

from devices.keys.cose import MessageKind, SigningKey, Trust
from devices.keys.envelope import INT31, Extra, seal, to_ms, unseal
from devices.keys.model import Bolt, LockResult

REQUEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What a lock did with the command ``request``.

    Parameters
    ----------
    lock
        The lock's id.
    request
        Id of the command, 16 bytes.
    result
        What happened; ``code`` says why where nothing opened, and is ``None`` otherwise. A code this version
        does not know is kept as text.
    cti
        The grant, or ``None`` where none could be read.
    boot, seq
        The event that records it; ``seq`` is ``None`` where the lock recorded none.
    ts_at
        The lock's own time, ``None`` while its clock is lost.
    battery_mv
        Battery after the act, millivolt.
    motor_ms
        How long the motor ran, 0 where it did not.
    bolt
        Where the bolt is now, by the lock's sensor.
    """

    lock: str
    request: bytes
    result: LockResult
    code: str | None
    cti: bytes | None
    boot: int
    seq: int | None
    ts_at: datetime | None
    battery_mv: int
    motor_ms: int
    bolt: Bolt
    extra: Extra = field(default_factory=dict)


def sign_answer(answer: Answer, lock_key: SigningKey) -> bytes:
    """The answer as the lock sends it."""
    return seal(
        MessageKind.ANSWER,
        {
            "lock": answer.lock,
            "request": answer.request,
            "result": answer.result.value,
            "code": answer.code,
            "cti": answer.cti,
            "boot": answer.boot,
            "seq": answer.seq,
            "ts": None if answer.ts_at is None else to_ms(answer.ts_at),
            "batt_mV": answer.battery_mv,
            "motor_ms": answer.motor_ms,
            "bolt": answer.bolt.value,
        },
        answer.extra,
        lock_key,
    )


def read_answer(message: bytes, trust: Trust) -> Answer:
    """An answer whose lock is trusted.

    Raises
    ------
    SignatureError, MessageError
        It cannot be believed, or cannot be read.
    """
    fields = unseal(MessageKind.ANSWER, message, trust)
    return Answer(
        lock=fields.text("lock"),
        request=fields.octets("request", REQUEST_BYTES),
        result=fields.word("result", LockResult),
        code=fields.optional_text("code"),
        cti=fields.optional_octets("cti", 16),
        boot=fields.uint("boot"),
        seq=fields.optional_uint("seq"),
        ts_at=fields.optional_instant("ts"),
        battery_mv=fields.uint("batt_mV", INT31),
        motor_ms=fields.uint("motor_ms"),
        bolt=fields.word("bolt", Bolt),
        extra=fields.rest(),
    )
