"""What the server tells a lock, signed: acknowledgement, revocations, settings, time.

Each is addressed to one lock. Revocations and settings carry a version that must strictly rise, so an old
one delivered again changes nothing; time carries the lock's own nonce, so it cannot be kept and used later.
A signed message may be carried by anybody, a tablet at the door included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from devices.keys.cbor import Cbor
from devices.keys.chain import HASH_BYTES, ChainState
from devices.keys.cose import MessageKind, SigningKey, Trust
from devices.keys.envelope import Extra, seal, to_ms, unseal
from devices.keys.grant import CTI_BYTES, THUMBPRINT_BYTES

TIME_NONCE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Ack:
    """The watermark: events up to ``upto`` are committed and may be deleted; ``head`` is the hash there."""

    lock: str
    boot: int
    upto: int
    head: bytes
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crl:
    """All revocations of one lock: lowest epoch a grant may carry, revoked grants, revoked holder keys.

    ``epoch`` is about grants of the lock's own administration, ``epochs`` about those of others, by issuer.
    """

    lock: str
    version: int
    epoch: int
    ctis: tuple[bytes, ...] = ()
    cnfs: tuple[bytes, ...] = ()
    extra: Extra = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cfg:
    """Settings of one lock by name. A lock reports in ``up/cfg`` what it made of them."""

    lock: str
    version: int
    settings: Mapping[str, Cbor]
    extra: Extra = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignedTime:
    """The server's time for one nonce of one lock."""

    lock: str
    nonce: bytes
    time_at: datetime
    extra: Extra = field(default_factory=dict)


def ack_of(state: ChainState) -> Ack:
    """The acknowledgement of a chain that is committed up to this state."""
    return Ack(state.lock, state.boot, state.seq, state.head)


def sign_ack(ack: Ack, key: SigningKey) -> bytes:
    """``dn/ack``."""
    values: dict[str, Cbor] = {"lock": ack.lock, "boot": ack.boot, "upto": ack.upto, "head": ack.head}
    return seal(MessageKind.ACK, values, ack.extra, key)


def read_ack(message: bytes, trust: Trust) -> Ack:
    """Read ``dn/ack``. Raises :class:`SignatureError` or :class:`MessageError`, as all readers here."""
    fields = unseal(MessageKind.ACK, message, trust)
    return Ack(
        fields.text("lock"),
        fields.uint("boot"),
        fields.uint("upto"),
        fields.octets("head", HASH_BYTES),
        fields.rest(),
    )


def sign_crl(crl: Crl, key: SigningKey) -> bytes:
    """``dn/crl``."""
    values: dict[str, Cbor] = {
        "lock": crl.lock,
        "version": crl.version,
        "epoch": crl.epoch,
        "ctis": sorted(crl.ctis),
        "cnfs": sorted(crl.cnfs),
    }
    if crl.epochs:
        values["epochs"] = dict(crl.epochs)
    return seal(MessageKind.CRL, values, crl.extra, key)


def read_crl(message: bytes, trust: Trust) -> Crl:
    """Read ``dn/crl``."""
    fields = unseal(MessageKind.CRL, message, trust)
    return Crl(
        lock=fields.text("lock"),
        version=fields.uint("version"),
        epoch=fields.uint("epoch"),
        ctis=fields.octets_list("ctis", CTI_BYTES),
        cnfs=fields.octets_list("cnfs", THUMBPRINT_BYTES),
        epochs=fields.counts("epochs"),
        extra=fields.rest(),
    )


def sign_cfg(cfg: Cfg, key: SigningKey) -> bytes:
    """``dn/cfg``."""
    values: dict[str, Cbor] = {"lock": cfg.lock, "version": cfg.version, "settings": cfg.settings}
    return seal(MessageKind.CFG, values, cfg.extra, key)


def read_cfg(message: bytes, trust: Trust) -> Cfg:
    """Read ``dn/cfg``."""
    fields = unseal(MessageKind.CFG, message, trust)
    return Cfg(fields.text("lock"), fields.uint("version"), fields.mapping("settings"), fields.rest())


def sign_time(time: SignedTime, key: SigningKey) -> bytes:
    """``dn/time``."""
    values: dict[str, Cbor] = {"lock": time.lock, "nonce": time.nonce, "time": to_ms(time.time_at)}
    return seal(MessageKind.TIME, values, time.extra, key)


def read_time(message: bytes, trust: Trust) -> SignedTime:
    """Read ``dn/time``."""
    fields = unseal(MessageKind.TIME, message, trust)
    return SignedTime(
        fields.text("lock"), fields.octets("nonce", TIME_NONCE_BYTES), fields.instant("time"), fields.rest()
    )
