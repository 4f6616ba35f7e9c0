"""The parts a running process is made of, handed to routers as one object."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from threading import BoundedSemaphore
from typing import Protocol

from devices.inbox.model import Outgoing
from devices.inbox.service import Inbox
from devices.keys.cose import SigningKey
from devices.keys.messages import Challenge
from devices.keys.schemas import DoorOpening
from devices.keys.signer.model import MintRequest, MintResult
from devices.keys.vendors.model import OpenOrder
from devices.keys.vendors.port import LockVendor
from gateway.bell import Bell
from gateway.known_sessions import KnownSessions
from gateway.oidc import Provider
from gateway.pipeline import Pipeline
from gateway.settings import Settings
from gateway.video_desk import VideoDesk
from kernel.clock import LinkClock, WorldClock
from kernel.database import Database
from kernel.tailer import Tailer
from kernel.work import UnitsOfWork
from metrics.business_case import BusinessCase
from metrics.targets import Adoption

#: Transactions at doors that run at once in one process. More would only take turns more often, and open connections
#: that are closed again at their end.
DOORS_AT_ONCE = 4


class OpeningDesk(Protocol):
    """Carries challenges and commands between the pages and the locks (gateway.door_desk)."""

    def challenges(self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float) -> list[Challenge | None]:
        """Ask locks for a nonce each, by question and request id. ``None`` where none came in time."""
        ...

    async def challenges_soon(
        self, questions: Sequence[tuple[Outgoing, bytes]], timeout_s: float
    ) -> list[Challenge | None]:
        """The same without a thread that waits."""
        ...

    def hand_over(self, messages: Iterable[Outgoing]) -> None:
        """Hand messages to the broker, each once, and wait for nothing."""
        ...

    def send(self, messages: Iterable[Outgoing]) -> bool:
        """Hand messages to the broker, each once. Returns whether it took all of them."""
        ...


class Vendors(Protocol):
    """Makers of locks besides our own protocol (gateway.vendor_desk)."""

    def vendor(self, name: str) -> LockVendor | None:
        """A vendor that is set up here."""
        ...

    def open(self, opening: DoorOpening, order: OpenOrder) -> None:
        """Carry an order to its vendor, once, while nobody waits. The intent is committed before."""
        ...

    def wake(self) -> None:
        """Something may have to be told to a vendor."""
        ...


class NoVendors:
    """Every lock speaks our own protocol."""

    def vendor(self, name: str) -> LockVendor | None:  # noqa: ARG002
        """There is none."""
        return None

    def open(self, opening: DoorOpening, order: OpenOrder) -> None:  # noqa: ARG002
        """There is nobody to carry it to."""
        raise ValueError(f"Expected a vendor that is set up, got {opening.vendor!r}.")

    def wake(self) -> None:
        """Nobody sleeps."""


class GrantDesk(Protocol):
    """Gets grants from the signer (gateway.grants)."""

    def grants_of(self, shift_id: str, carer_id: str) -> list["HeldGrant"]:
        """Grants for the doors a shift may open now and next."""
        ...

    def mint(self, requests: Sequence[MintRequest]) -> list[MintResult]:
        """Ask the signer for what rests on no route: an emergency, or prepared doors."""
        ...

    def shift_grants(self, shift_id: str, carer_id: str) -> "ShiftGrants":
        """Grants for every door of a shift that is still ahead."""
        ...


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """A grant ready for the tablet."""

    visit_id: str
    door_id: str
    lock_id: str
    cti: bytes
    token: bytes
    opens_at: datetime
    closes_at: datetime
    #: the lock's own key, by which a tablet believes its answer without a server (Ed25519, 32 bytes)
    lock_key: bytes = b""
    #: locks on the way to the door that the same grant opens: id and key of each
    way: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class ShiftGrants:
    """What a shift's tablet holds: open for the present and the next visits, the later ones to be sealed."""

    #: visits in their order, each with its grant where it has a door to open
    now_and_next: tuple[tuple[str, HeldGrant | None], ...] = ()
    later: tuple[tuple[str, HeldGrant | None], ...] = ()

    @property
    def unsealed(self) -> list[HeldGrant]:
        """What may be used at once."""
        return [grant for _, grant in self.now_and_next if grant is not None]


class JobQueue(Protocol):
    """Triggers a job that is already in the job table."""

    def trigger(self, job_id: str) -> None:
        """Tell the workers."""
        ...


class WorldSpeed(Protocol):
    """How fast world time runs: 1 in operation, anything in the demo, 0 when paused."""

    @property
    def speed(self) -> float:
        """World seconds per second."""
        ...


@dataclass(frozen=True, slots=True)
class RealSpeed:
    """World time of operation."""

    speed: float = 1.0


class DemoRun(Protocol):
    """The running day of the demo."""

    day: date
    from_at: datetime
    to_at: datetime
    running: bool
    by_hand: frozenset[str]

    def progress_ratio(self, now: datetime) -> float:
        """How far the day is, 0 to 1."""
        ...

    def set_speed(self, speed: float) -> None:
        """World seconds per second; 0 pauses."""
        ...


@dataclass(frozen=True, slots=True)
class Benefits:
    """What benefits are compared with: the cases, and how this municipality took them into use, by case id."""

    cases: Mapping[str, BusinessCase]
    adoptions: Mapping[str, Adoption]


@dataclass
class Parts:
    """Everything a request may need."""

    settings: Settings
    database: Database
    clock: WorldClock
    link: LinkClock
    units: UnitsOfWork
    bell: Bell
    tailer: Tailer
    pipeline: Pipeline
    inbox: Inbox
    doors: OpeningDesk
    grants: GrantDesk
    jobs: JobQueue
    video: VideoDesk
    #: signs watermarks, times and revocation lists; opens nothing
    service_key: SigningKey
    pseudonym_key: bytes
    #: what the codes of prepared doors are made from
    code_key: bytes
    speed: WorldSpeed = field(default_factory=RealSpeed)
    #: named checks of the parts behind, for /readyz and the Drift page: name to "" or what is wrong
    checks: dict[str, Callable[[], str]] = field(default_factory=dict)
    benefits: Benefits | None = None
    #: where the office and citizens sign in; none: everybody signs in with a PIN
    identity_provider: Provider | None = None
    demo: DemoRun | None = None
    vendors: Vendors = field(default_factory=NoVendors)
    known: KnownSessions = field(default_factory=KnownSessions)
    #: taken by each transaction somebody at a door waits for
    door_turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(DOORS_AT_ONCE))
    #: where a tablet meets the locks beside it; empty: a tablet of its own make knows
    near_url: str = ""
    #: up to so many entries the manager's first page reads the ledger itself (gateway.kept_overviews)
    live_up_to_entries: int = 2_000
    #: how many requests are being worked on, streams excepted; the simulation waits for zero
    open_requests: int = 0
