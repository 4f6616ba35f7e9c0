"""What the log is told of doors: openings, rights, emergencies, what was prepared for a day without servers."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from kernel.events import Event

OpeningState = Literal["requested", "challenged", "sent", "unlocked", "refused", "jammed", "expired", "unknown"]

#: why somebody goes in to a citizen without a planned visit: a fall, no answer, acutely ill, something else
EmergencyReason = Literal["fall", "no_answer", "acute_illness", "other"]

EmergencyOutcome = Literal["ok", "not_ok"]


class OpeningRequested(Event):
    """A carer asked to open a door: the intent, committed before the lock hears of it."""

    event_type: ClassVar[str] = "opening.requested"

    opening_id: str
    door_id: str
    lock_id: str
    visit_id: str
    shift_id: str
    carer_id: str
    unit_id: str


class OpeningSettled(Event):
    """How an opening stands. ``unlocked``, ``jammed`` and a lock's refusal are its own signed word."""

    event_type: ClassVar[str] = "opening.settled"

    opening_id: str
    door_id: str
    visit_id: str
    shift_id: str
    carer_id: str
    unit_id: str
    state: OpeningState
    #: why it was refused; one of the codes of the interface
    code: str | None = None
    #: the answer came after the page had given up waiting
    late: bool = False
    #: from the tap to this state, in milliseconds of world time
    elapsed_ms: int = 0
    #: of a lock on the way to the door (a stairwell), and not of the door itself
    on_way: bool = False


class DoorOpened(Event):
    """A lock says, signed and in its chain, that it opened for a grant.

    A stairwell that was opened on the way belongs to no visit: the door behind it does. Opened without a plan it names
    the emergency all the same, so that nobody comes in there unseen.
    """

    event_type: ClassVar[str] = "door.opened"

    lock_id: str
    door_id: str | None
    boot: int
    seq: int
    opening_id: str | None = None
    visit_id: str | None = None
    shift_id: str | None = None
    #: the emergency it was opened for; such an opening belongs to no visit
    emergency_id: str | None = None
    #: of a stairwell opened in an emergency: the door the grant was for
    behind_door_id: str | None = None
    #: of a door two open together: the visit and the carer of the first holder
    with_visit_id: str | None = None
    with_carer_id: str | None = None
    #: who says so: the lock itself, or the log of its vendor (``boot`` is 0 then, ``seq`` the log's number)
    source: Literal["lock", "vendor_log"] = "lock"


class DoorRightChanged(Event):
    """The right to a door followed the route: issued to a carer for a visit, or withdrawn."""

    event_type: ClassVar[str] = "door.right"

    door_id: str
    visit_id: str
    carer_id: str
    unit_id: str
    issued: bool
    route_version: int


class EmergencyRequested(Event):
    """A carer goes in to a citizen without a planned visit. The signer mints for nothing that is not here.

    ``at`` begins the 15 minutes in which the door may be opened.
    """

    event_type: ClassVar[str] = "emergency.requested"

    emergency_id: str
    door_id: str
    citizen_id: str
    shift_id: str
    reason: EmergencyReason


class EmergencyReviewed(Event):
    """A planner or a manager has judged an emergency opening."""

    event_type: ClassVar[str] = "emergency.reviewed"

    emergency_id: str
    door_id: str
    outcome: EmergencyOutcome
    by_role: str
    #: from the request to this review, in seconds of world time
    waited_s: int


class OfflineAccessPrepared(Event):
    """Doors a designated tablet may be opened to with every server down, each once, under a spoken code.

    The signer mints for these doors, this shift and its key only, for a window of four hours at most.
    """

    event_type: ClassVar[str] = "offline_access.prepared"

    preparation_id: str
    shift_id: str
    holder_thumbprint: str
    door_ids: tuple[str, ...]
    opens_at: AwareDatetime
    closes_at: AwareDatetime


class OfflineTabletDesignated(Event):
    """A carer carries a designated tablet from now on, or no longer does."""

    event_type: ClassVar[str] = "offline_tablet.designated"

    on: bool
    by_role: str


class OfflineCodesListed(Event):
    """Somebody fetched the list of codes that is printed for the day the servers are down."""

    event_type: ClassVar[str] = "offline_access.listed"

    by_role: str
    tablet_count: int
    door_count: int


class AccessCodeSpoken(Event):
    """A planner read out the code of one door to a carer who had no network."""

    event_type: ClassVar[str] = "offline_access.spoken"

    preparation_id: str
    door_id: str
    by_role: str


class DoorHoldersChanged(Event):
    """How many carers a door needs to open: one, or two within a minute of each other."""

    event_type: ClassVar[str] = "door.holders"

    door_id: str
    holders: Literal[1, 2]
    by_role: str


class DoorStairwellChanged(Event):
    """Which common door one goes through to get to a door; none: straight in."""

    event_type: ClassVar[str] = "door.stairwell"

    door_id: str
    stairwell_id: str | None
    by_role: str


class DoorVendorChanged(Event):
    """From now on a door is opened with another vendor's lock. What the one before has said stays."""

    event_type: ClassVar[str] = "door.vendor"

    door_id: str
    vendor: str
    by_role: str
    rights_issued: int
    rights_withdrawn: int


class LockSettingsChanged(Event):
    """What a lock is to run with was said anew; ``version`` is that of the signed settings."""

    event_type: ClassVar[str] = "lock.settings"

    lock_id: str
    version: int
    settings: dict[str, int]
    by_role: str


class AccessLogRead(Event):
    """Somebody read who came through a citizen's door: a role and a purpose, no name."""

    event_type: ClassVar[str] = "access_log.read"

    citizen_id: str
    by_role: str
    purpose: str
    #: page, csv or json
    form: str
