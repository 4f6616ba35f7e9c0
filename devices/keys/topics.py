"""Topics: ``omsorgstid/v1/{tenant}/{kind}/{id}/up|dn/{name}``, for every kind of device.

A device may publish only below its own ``up`` and subscribe only below its own ``dn``; the server the
reverse. Ids are random, say nothing, and change when a device is enrolled again.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from devices.keys.errors import TopicError

PREFIX = ("omsorgstid", "v1")

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


class Direction(StrEnum):
    """Who speaks: the device (up) or the server (down)."""

    UP = "up"
    DOWN = "dn"


@dataclass(frozen=True, slots=True)
class Topic:
    """A parsed topic. ``str(topic)`` is the text on the wire.

    Raises
    ------
    TopicError
        ``topic_malformed`` if a part has characters that do not belong there.
    """

    tenant: str
    kind: str
    device_id: str
    direction: Direction
    name: str

    def __post_init__(self) -> None:
        for part, value, pattern in (
            ("tenant", self.tenant, _ID),
            ("kind", self.kind, _NAME),
            ("id", self.device_id, _ID),
            ("name", self.name, _NAME),
        ):
            if not pattern.fullmatch(value):
                raise _bad_topic(part, f"of the form {pattern.pattern}", value)

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """Read a topic.

        Raises
        ------
        TopicError
            ``topic_malformed`` with ``part``, ``expected`` and ``found``.
        """
        parts = text.split("/")
        if len(parts) != 7:
            raise _bad_topic("levels", "seven levels", f"{len(parts)}")
        if (parts[0], parts[1]) != PREFIX:
            raise _bad_topic("prefix", "/".join(PREFIX), "/".join(parts[:2]))
        if parts[5] not in {direction.value for direction in Direction}:
            raise _bad_topic("direction", "up or dn", parts[5])
        return cls(parts[2], parts[3], parts[4], Direction(parts[5]), parts[6])

    def __str__(self) -> str:
        return "/".join((*PREFIX, self.tenant, self.kind, self.device_id, self.direction.value, self.name))


def subscription(tenant: str, kind: str, device_id: str, direction: Direction) -> str:
    """Filter for all messages of one direction; ``+`` for any tenant, kind or device."""
    return "/".join((*PREFIX, tenant, kind, device_id, direction.value, "#"))


def _bad_topic(part: str, expected: str, found: str) -> TopicError:
    return TopicError("topic_malformed", part=part, expected=expected, found=found[:80])
