"""Private keys in files, and which of them a lock believes for what.

Two keys speak to a lock. The *issuer* key mints grants and lives in the signer process alone. The *service*
key signs what merely serves the lock: watermarks, revocation lists, settings, time. It belongs to the gateway
and opens nothing, so a compromised gateway can be a nuisance and no burglar (docs/adr/0002).
"""

import os
import secrets
import stat
from pathlib import Path

from devices.keys.cose import SigningKey, VerifyingKey

_OWNER_ONLY = 0o600
_SECRET_BYTES = 32


class KeyFileError(ValueError):
    """A key file that must not be used: readable by others, cut short, or no regular file."""


def load_or_create_key(path: Path) -> SigningKey:
    """The Ed25519 key in a file, made on the first start.

    The private file holds 32 raw bytes in hexadecimal with mode 0600; the public half is exported beside it
    as ``<name>.pub`` for whoever enrols locks.

    Raises
    ------
    KeyFileError
        If the file exists and others may read it, or it holds no key.
    """
    try:
        key = SigningKey(_load_or_create(path))
    except ValueError as err:
        raise err if isinstance(err, KeyFileError) else KeyFileError(f"{path}: {err}") from err
    path.with_name(path.name + ".pub").write_text(key.public_bytes.hex() + "\n", encoding="ascii")
    return key


def load_or_create_secret(path: Path) -> bytes:
    """A shared secret of 32 bytes in a file of mode 0600, made by whoever comes first.

    Raises
    ------
    KeyFileError
        As :func:`load_or_create_key`.
    """
    return _load_or_create(path)


def load_public_key(path: Path) -> VerifyingKey:
    """A public key as :func:`load_or_create_key` exported it.

    Raises
    ------
    KeyFileError
        If the file holds no public key of 32 bytes in hexadecimal.
    """
    try:
        return VerifyingKey(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except ValueError as err:
        raise KeyFileError(f"Expected 32 bytes in hexadecimal in {path}, got something else.") from err


def _load_or_create(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        # Written aside and linked into place: of two processes that start at once, one wins and none
        # reads half a file.
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w") as file:
            file.write(secrets.token_hex(_SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # the other one was first; its key is the key
        finally:
            fresh.unlink()
    return _load(path)


def _load(path: Path) -> bytes:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) or stat.S_IMODE(mode) & 0o077:
        raise KeyFileError(f"Expected {path} to be a file for its owner only (0600), got {stat.filemode(mode)}.")
    try:
        value = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError as err:
        raise KeyFileError(f"Expected hexadecimal digits in {path}, got something else.") from err
    if len(value) != _SECRET_BYTES:
        raise KeyFileError(f"Expected {_SECRET_BYTES} bytes in {path}, got {len(value)}.")
    return value
