"""Events: facts that have happened, with a version and a way to read old versions.

An event class is a frozen pydantic model with ``event_type`` and ``event_version``. Renaming or removing a
field means a new version and an upcaster from the one before; adding an optional field does not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class Event(BaseModel):
    """Base of all events. ``at`` is world time; ``unit_id`` decides who may see it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_type: ClassVar[str] = ""
    event_version: ClassVar[int] = 1
    #: from-version -> function that lifts the stored data by one version
    upcasters: ClassVar[Mapping[int, Upcaster]] = {}

    at: AwareDatetime
    unit_id: str | None = None
    carer_id: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.event_type:
            return
        known = _REGISTRY.get(cls.event_type)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise ValueError(f"Expected one class per event type, got two for {cls.event_type!r}.")
        missing = set(range(1, cls.event_version)) - set(cls.upcasters)
        if missing:
            raise ValueError(f"Expected upcasters for versions {sorted(missing)} of {cls.event_type!r}.")
        _REGISTRY[cls.event_type] = cls


_REGISTRY: dict[str, type[Event]] = {}


# No model: a ledger that reads a year makes millions of these, and nothing of them has to be checked again.
@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of the log as a reader sees it: its gap-free position, its envelope, its data as stored."""

    position: int
    event_type: str
    version: int
    at: datetime
    unit_id: str | None
    carer_id: str | None
    data: dict[str, Any]
    _read: list[Event] = field(default_factory=list, init=False, repr=False, compare=False)

    def event(self) -> Event:
        """The event as today's class, lifted from whatever version it was stored in; read once for all who ask."""
        if not self._read:
            self._read.append(read_event(self.event_type, self.version, self.data))
        return self._read[0]


class UnknownEventError(LookupError):
    """The log holds a type or a version this program does not know: the program is older than the log."""


def read_event(event_type: str, version: int, data: Mapping[str, Any]) -> Event:
    """Rebuild an event from its stored form.

    Raises
    ------
    UnknownEventError
        If the type is not registered or the version is newer than this program's.
    """
    cls = _REGISTRY.get(event_type)
    if cls is None:
        raise UnknownEventError(f"Expected a known event type, got {event_type!r}.")
    if version > cls.event_version:
        raise UnknownEventError(
            f"Expected version <= {cls.event_version} of {event_type!r}, got {version}: upgrade this program."
        )
    if version == cls.event_version:
        return cls.model_validate(data)
    lifted = dict(data)
    for step in range(version, cls.event_version):
        lifted = cls.upcasters[step](lifted)
    return cls.model_validate(lifted)


def registered_events() -> Mapping[str, type[Event]]:
    """All event classes by type, for documentation and tests."""
    return dict(_REGISTRY)
