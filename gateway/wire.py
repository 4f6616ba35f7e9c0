"""How values look on the wire: instants as ISO 8601 UTC, bytes as base64url without padding."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel

from gateway.parts import Parts


def b64u(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_b64u(text: str) -> bytes:
    """Bytes from base64url.

    Raises
    ------
    ValueError
        If the text is not base64url.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as err:
        raise ValueError(f"Expected base64url, got {text[:20]!r}.") from err


def iso(instant_at: datetime) -> str:
    """``2026-11-25T06:00:00Z``."""
    return instant_at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def iso_or_none(instant_at: datetime | None) -> str | None:
    """The same, for what may be missing."""
    return None if instant_at is None else iso(instant_at)


def _check(text: str) -> str:
    from_b64u(text)
    return text


Base64Url = Annotated[str, AfterValidator(_check)]


class World(BaseModel):
    """World time and how fast it runs, so that a page can go on showing it."""

    at: datetime
    speed: float


def world(parts: Parts) -> World:
    """The world as it is now."""
    return World(at=parts.clock.now(), speed=parts.speed.speed)
