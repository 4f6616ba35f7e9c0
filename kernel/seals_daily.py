"""The daily root: a signed text, short enough to print, that fixes everything sealed up to the end of a day.

It is meant to be kept by somebody else: who holds yesterday's text can tell whether today's log still has
yesterday's events, whatever was done to the database since. The form is in docs/audit.md.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TITLE = "omsorgstid daily root 1"
_NAMES = ("day", "seals", "positions", "root", "chain", "key", "signature")


class UnreadableRootError(ValueError):
    """A text that is no daily root, with what was expected and found."""


@dataclass(frozen=True, slots=True)
class DailyRoot:
    """What a daily root says.

    Parameters
    ----------
    day
        The Danish calendar day the seals were made on.
    first_seal, last_seal, first_position, last_position
        Which seals, and which events they cover.
    root
        Merkle root of the hashes of these seals, in order.
    chain
        Hash of the last of them: it stands for every seal before it.
    public_key, signature
        Ed25519; 32 and 64 bytes.
    """

    day: date
    first_seal: int
    last_seal: int
    first_position: int
    last_position: int
    root: bytes
    chain: bytes
    public_key: bytes = b""
    signature: bytes = b""

    def signed_bytes(self) -> bytes:
        """What is signed: every line above the signature, each ended by a line feed."""
        lines = [
            TITLE,
            f"day: {self.day.isoformat()}",
            f"seals: {self.first_seal}-{self.last_seal}",
            f"positions: {self.first_position}-{self.last_position}",
            f"root: {self.root.hex()}",
            f"chain: {self.chain.hex()}",
            f"key: {self.public_key.hex()}",
        ]
        return "".join(f"{line}\n" for line in lines).encode("ascii")

    def text(self) -> str:
        """The text as it is exported."""
        return f"{self.signed_bytes().decode('ascii')}signature: {self.signature.hex()}\n"

    def is_signed_by(self, public_key: bytes) -> bool:
        """Whether this key signed it."""
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(self.signature, self.signed_bytes())
        except InvalidSignature:
            return False
        return self.public_key == public_key


def sign_root(root: DailyRoot, public_key: bytes, sign: Callable[[bytes], bytes]) -> DailyRoot:
    """The same with key and signature."""
    unsigned = replace(root, public_key=public_key)
    return replace(unsigned, signature=sign(unsigned.signed_bytes()))


def read_root(text: str) -> DailyRoot:
    """Read a daily root, as exported or as it came back from a mail: line ends and outer blanks do not matter.

    Raises
    ------
    UnreadableRootError
        With the line that is missing or wrong.
    """
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines or lines[0] != TITLE:
        raise UnreadableRootError(f"Expected the first line {TITLE!r}, got {lines[:1]}.")
    said: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        said[name.strip()] = value.strip()
    if tuple(said) != _NAMES:
        raise UnreadableRootError(f"Expected the lines {', '.join(_NAMES)}, got {', '.join(said)[:100]}.")
    try:
        seals, positions = _span(said["seals"]), _span(said["positions"])
        return DailyRoot(
            day=date.fromisoformat(said["day"]),
            first_seal=seals[0],
            last_seal=seals[1],
            first_position=positions[0],
            last_position=positions[1],
            root=_octets(said["root"], 32),
            chain=_octets(said["chain"], 32),
            public_key=_octets(said["key"], 32),
            signature=_octets(said["signature"], 64),
        )
    except ValueError as err:
        raise UnreadableRootError(str(err)) from err


def fingerprint(public_key: bytes) -> str:
    """Sixteen digits by which people compare keys: the first 8 bytes of the key's SHA-256."""
    return sha256(public_key).hexdigest()[:16]


def _span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return int(first), int(last)


def _octets(text: str, length: int) -> bytes:
    value = bytes.fromhex(text)
    if len(value) != length:
        raise ValueError(f"Expected {length} bytes in hexadecimal, got {len(value)}.")
    return value
