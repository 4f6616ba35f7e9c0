"""Whose grants a lock believes: its own administration's issuer and, at a shared door, those of others.

A list can open doors to somebody new, so it is signed by the *root* key of the lock's own administration,
which lives with the signer; the gateway's service key only ever takes rights away (epochs per issuer stand in
the revocation list). The version must strictly rise. A list is addressed to one lock and complete: issuers it
does not name are not believed any more, those pinned at enrolment included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from devices.keys.cbor import Cbor
from devices.keys.cose import MessageKind, SigningKey, Trust, VerifyingKey, key_id
from devices.keys.envelope import Extra, Fields, seal, unseal

MAX_ISSUERS = 8
MAX_KEYS = 4
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An administration that mints grants: the ``iss`` of its grants, and its 1 to 4 public keys, 32 bytes each.

    Two keys overlap while one is being replaced.
    """

    iss: str
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class TrustList:
    """All issuers one lock believes, 1 to 8. ``own`` is the ``iss`` of its own administration, one of them."""

    lock: str
    version: int
    own: str
    issuers: tuple[TrustedIssuer, ...]
    extra: Extra = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [issuer.iss for issuer in self.issuers]
        if not 1 <= len(names) <= MAX_ISSUERS or len(set(names)) != len(names) or self.own not in names:
            raise ValueError(f"Expected 1 to {MAX_ISSUERS} different issuers with {self.own!r}, got {names}.")
        keys = [key for issuer in self.issuers for key in issuer.keys]
        if len({key_id(key) for key in keys}) != len(keys):
            raise ValueError("Expected a key to belong to one issuer, got one twice.")
        if not all(1 <= len(issuer.keys) <= MAX_KEYS for issuer in self.issuers):
            raise ValueError(f"Expected 1 to {MAX_KEYS} keys for each issuer, got {names}.")

    def believed(self) -> list[VerifyingKey]:
        """Every key whose grants are believed."""
        return [VerifyingKey(key) for issuer in self.issuers for key in issuer.keys]

    def name_of(self, kid: bytes) -> str | None:
        """The issuer a key belongs to; a grant must carry this name."""
        return next((issuer.iss for issuer in self.issuers for key in issuer.keys if key_id(key) == kid), None)


def sign_trust(trust_list: TrustList, root: SigningKey) -> bytes:
    """``dn/trust``."""
    values: dict[str, Cbor] = {
        "lock": trust_list.lock,
        "version": trust_list.version,
        "own": trust_list.own,
        "issuers": [[issuer.iss, sorted(issuer.keys)] for issuer in trust_list.issuers],
    }
    return seal(MessageKind.TRUST, values, trust_list.extra, root)


def read_trust(message: bytes, trust: Trust) -> TrustList:
    """Read ``dn/trust``. Raises :class:`SignatureError` or :class:`MessageError`."""
    return list_of(unseal(MessageKind.TRUST, message, trust))


def list_of(fields: Fields) -> TrustList:
    """The list in decoded fields, whoever signed it. Raises :class:`MessageError`."""
    lock, version, own = fields.text("lock"), fields.uint("version"), fields.text("own")
    issuers = tuple(_issuer(fields, at, entry) for at, entry in enumerate(fields.array("issuers")))
    try:
        return TrustList(lock, version, own, issuers, fields.rest())
    except ValueError as err:
        raise fields.error("issuers", "a list that makes sense", str(err)) from err


def grant_trust(pinned: Trust, trust_list: TrustList) -> Trust:
    """What a lock believes once it has a list: for grants the list alone, for the rest what was pinned."""
    keys: dict[MessageKind, Mapping[bytes, VerifyingKey]] = dict(pinned.keys)
    keys[MessageKind.GRANT] = {key.kid: key for key in trust_list.believed()}
    return Trust(keys)


def _issuer(fields: Fields, at: int, entry: Cbor) -> TrustedIssuer:
    where = f"issuers[{at}]"
    if not isinstance(entry, list) or len(entry) != 2:
        raise fields.error(where, "an array of name and keys", type(entry).__name__)
    iss, keys = entry
    if not isinstance(iss, str) or not 1 <= len(iss) <= 64:
        raise fields.error(f"{where}[0]", "text of 1 to 64 characters", type(iss).__name__)
    if not isinstance(keys, list) or not all(isinstance(key, bytes) and len(key) == _KEY_BYTES for key in keys):
        raise fields.error(f"{where}[1]", f"keys of {_KEY_BYTES} bytes", type(keys).__name__)
    return TrustedIssuer(iss, tuple(key for key in keys if isinstance(key, bytes)))
