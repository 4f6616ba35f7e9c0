"""A work order as it travels to the door, and a device's proof that it holds its own key. COSE, docs/protocol.md.

The order is signed by the service and says what may be mounted where and until when; its text form is what stands
under the square code on the paper. The device answers with its public key and the order's nonce, signed by the
private half: a key that was copied off a label, or that every device of a make was born with, proves nothing.
"""

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from devices.keys import cbor
from devices.keys.cose import MessageKind, SigningKey, Trust, VerifyingKey, unverified_payload, verify
from devices.keys.envelope import Extra, Fields, seal, to_ms, unpack, unseal
from devices.keys.errors import MessageError, SignatureError
from devices.registry.model import DeviceKind

NONCE_BYTES = 16
KEY_BYTES = 32
MAX_TEXT = 1_200


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """What a work order binds. ``place`` is the opaque id of the citizen or, where it is a stairwell, of the door."""

    order_id: str
    tenant: str
    task: str
    device_kind: DeviceKind
    unit_id: str
    place: str | None
    nonce: bytes
    from_at: datetime
    until_at: datetime
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EnrolmentProof:
    """A device's answer to an order: its public key, proved by a signature over the order's nonce."""

    order_id: str
    nonce: bytes
    public_key: bytes


def sign_order(order: SignedOrder, key: SigningKey) -> bytes:
    """The order, signed by the service."""
    values: dict[str, cbor.Cbor] = {
        "order": order.order_id,
        "tenant": order.tenant,
        "task": order.task,
        "kind": order.device_kind.value,
        "unit": order.unit_id,
        "place": order.place,
        "nonce": order.nonce,
        "from": to_ms(order.from_at),
        "until": to_ms(order.until_at),
    }
    return seal(MessageKind.ORDER, values, order.extra, key)


def read_order(message: bytes, services: Collection[VerifyingKey]) -> SignedOrder:
    """Read an order that one of these services signed. Raises ``SignatureError`` or ``MessageError``."""
    fields = unseal(MessageKind.ORDER, message, Trust.of({MessageKind.ORDER: services}))
    return SignedOrder(
        order_id=fields.text("order"),
        tenant=fields.text("tenant"),
        task=fields.text("task"),
        device_kind=fields.word("kind", DeviceKind),
        unit_id=fields.text("unit"),
        place=fields.optional_text("place"),
        nonce=fields.octets("nonce", NONCE_BYTES),
        from_at=fields.instant("from"),
        until_at=fields.instant("until"),
        extra=fields.rest(),
    )


def prove_key(order: SignedOrder, key: SigningKey) -> bytes:
    """What a device answers to an order."""
    values: dict[str, cbor.Cbor] = {"order": order.order_id, "nonce": order.nonce, "key": key.public_bytes}
    return seal(MessageKind.ENROL, values, {}, key)


def order_shown(message: bytes) -> SignedOrder:
    """What an order says, unverified: a device that is not enrolled yet knows no service to believe.

    Nothing is opened or changed by it; the device only learns which nonce to sign. Raises ``MessageError``.
    """
    fields = _unverified(MessageKind.ORDER, message)
    return SignedOrder(
        fields.text("order"),
        fields.text("tenant"),
        fields.text("task"),
        fields.word("kind", DeviceKind),
        fields.text("unit"),
        fields.optional_text("place"),
        fields.octets("nonce", NONCE_BYTES),
        fields.instant("from"),
        fields.instant("until"),
    )


def read_proof(message: bytes) -> EnrolmentProof:
    """Read a device's answer: signed by the very key that it names, which is not one that anybody could have.

    Raises
    ------
    MessageError
        ``message_malformed`` or ``message_version_unknown``.
    SignatureError
        ``signature_invalid`` and the others of :func:`devices.keys.cose.verify`.
    """
    named = _unverified(MessageKind.ENROL, message).octets("key", KEY_BYTES)
    try:
        key = VerifyingKey(named)
        payload = verify(MessageKind.ENROL, message, Trust.of({MessageKind.ENROL: [key]}))
    except ValueError as err:
        raise SignatureError("signature_invalid", message=MessageKind.ENROL.value) from err
    fields = unpack("enrol", payload)
    return EnrolmentProof(fields.text("order"), fields.octets("nonce", NONCE_BYTES), fields.octets("key", KEY_BYTES))


def is_default_key(public_key: bytes) -> bool:
    """Whether the private half stands in a standard, a manual or our own test vectors, and is nobody's secret."""
    return public_key in _default_keys()


@lru_cache(maxsize=1)
def _default_keys() -> frozenset[bytes]:
    privates = [
        *(bytes([n]) * 32 for n in range(256)),
        *(bytes((first + n) % 256 for n in range(32)) for first in (0, 1, 32, 64, 96)),
        # RFC 8032 section 7.1, tests 1 to 3
        bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
        bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
    ]
    return frozenset(SigningKey(private).public_bytes for private in privates)


def to_text(message: bytes) -> str:
    """The text under the square code: base64url without padding."""
    return base64.urlsafe_b64encode(message).rstrip(b"=").decode()


def from_text(text: str) -> bytes:
    """Bytes of such a text; white space from a line break or a careless copy does no harm.

    Raises
    ------
    MessageError
        ``message_malformed``.
    """
    plain = "".join(text.split())
    try:
        if not 1 <= len(plain) <= MAX_TEXT:
            raise ValueError(f"Expected 1 to {MAX_TEXT} characters, got {len(plain)}.")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error) as err:
        raise MessageError(
            "message_malformed", name="code", field="", expected="base64url", found=ascii(plain[:12])
        ) from err


def _unverified(kind: MessageKind, message: bytes) -> Fields:
    return unpack(kind.value, unverified_payload(kind, message))
