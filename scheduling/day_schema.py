"""The wire form of a day: strict schemas of the day file ``omsorgstid-day-1``.

Unknown fields are refused, because a misspelt field would otherwise be a silent default.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from scheduling.model import Objective, ShiftEnd, Transport, UnitKind, VisitMode

SCHEMA = "omsorgstid-day-1"

# As long as the database keeps them; and an id stands in an address, which a slash or a question mark would cut.
Id = Annotated[str, Field(pattern=r"^[^/?#%\\\x00-\x1f]{1,64}$")]
CarerKey = Annotated[str, Field(pattern=r"^[^/?#%\\\x00-\x1f]{1,50}$")]
"""A carer's id: with the date before it, it is the id of her shift."""
DeviceKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""A device's id stands in the topics of its messages (docs/mqtt.md)."""
Name = Annotated[str, Field(min_length=1, max_length=80)]
Code = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=160)]
ConsentKind = Literal["electronic_key", "screen", "relative", "auto_answer"]
"""What a citizen is asked to consent to: a lock that opens for the carer's tablet, visits by screen, a relative who
looks along, a screen that answers by itself."""
Minutes = Annotated[float, Field(ge=0, le=100_000)]
Seconds = Annotated[float, Field(ge=0, le=172_800)]


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as err:
        raise ValueError("an instant of this century") from err


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class PlaceEntry(_Wire):
    """A point on earth, on a plane, and/or a row of the travel matrix."""

    lat_deg: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon_deg: Annotated[float, Field(ge=-180, le=180)] | None = None
    x: float | None = None
    y: float | None = None
    matrix_row: Annotated[int, Field(ge=0)] | None = None


class UnitEntry(_Wire):
    """A home-care centre or a residence; validity days are inclusive."""

    id: Id
    name: Name
    kind: UnitKind
    base: PlaceEntry
    valid_from_on: date | None = None
    valid_to_on: date | None = None
    merged_into_id: Id | None = Field(default=None, description="The unit that takes over after valid_to_on.")


class CompetenceEntry(_Wire):
    """A documented competence and the last day it counts."""

    code: Code
    valid_until_on: date | None = None


class BreakEntry(_Wire):
    """A break of a shift: it begins inside its window and is taken wherever the carer is."""

    earliest_at: Instant
    latest_at: Instant
    duration_s: Annotated[float, Field(gt=0, le=14_400)]


class VehicleEntry(_Wire):
    """A vehicle fetched before the first visit and brought back after the last."""

    place: PlaceEntry
    reached_by: Transport = Transport.BIKE


class CarerEntry(_Wire):
    """A carer's shift, from and to ``home``, the unit's ``base``, or the first (last) ``citizen``."""

    id: CarerKey
    unit_id: Id
    name: Name
    skills: list[Code] = []
    competences: list[CompetenceEntry] = []
    shift_starts_at: Instant
    shift_ends_at: Instant
    transport: Transport
    starts_from: ShiftEnd
    ends_at: ShiftEnd
    home: PlaceEntry | None = Field(default=None, description="Needed where the shift starts or ends at home.")
    previous_shift_ended_at: Instant | None = None
    next_shift_starts_at: Instant | None = None
    rest_agreement_ref: Code | None = None
    breaks: Annotated[list[BreakEntry], Field(max_length=4)] = []
    vehicle: VehicleEntry | None = None
    norm_balance_s: Annotated[float, Field(ge=-10_000_000, le=10_000_000)] | None = Field(
        default=None, description="Work planned in the norm period, this shift included, less the norm."
    )


class DoorEntry(_Wire):
    """The citizen's door; ``device_id`` is its electronic lock, null where a key is needed."""

    id: Id
    device_id: DeviceKey | None = None
    key_at_base: bool = False
    key_carer_ids: list[CarerKey] = []


class DeviceEntry(_Wire):
    """Another device at the citizen."""

    id: DeviceKey
    kind: Code


class ConsentEntry(_Wire):
    """A consent with its dates."""

    kind: ConsentKind
    given_on: date
    withdrawn_on: date | None = None


class PreferencesEntry(_Wire):
    """Wishes about who comes: regular carers have a price when missed, avoided ones never come."""

    regular_carer_ids: list[CarerKey] = []
    avoided_carer_ids: list[CarerKey] = []
    screen_ok: bool = False


class CitizenEntry(_Wire):
    """A citizen as far as planning needs one. No CPR number."""

    id: Id
    unit_id: Id
    display_name: Name
    address: Annotated[str, Field(max_length=160)]
    place: PlaceEntry
    door: DoorEntry | None = None
    devices: list[DeviceEntry] = []
    consents: list[ConsentEntry] = []
    preferences: PreferencesEntry = PreferencesEntry()
    formerly_key_fetched: bool = False


class VisitEntry(_Wire):
    """One carer's stop. The window bounds the start; priority 1 is the most important."""

    id: Id
    citizen_id: Id
    unit_id: Id
    service: Code
    window_open_at: Instant
    window_close_at: Instant
    duration_s: Annotated[float, Field(gt=0, le=172_800)]
    mode: VisitMode = VisitMode.PHYSICAL
    door_id: Id | None = None
    required_skills: list[Code] = []
    required_competences: list[Code] = []
    priority: Annotated[int, Field(ge=1, le=5)] = 3
    pinned_carer_id: CarerKey | None = None
    pinned_start_at: Instant | None = None
    begun: bool = False


class PairEntry(_Wire):
    """A double visit: gaps from the first start to the second; both zero means together."""

    first_id: Id
    second_id: Id
    min_gap_s: Seconds = 0.0
    max_gap_s: Seconds = 0.0


class MatrixEntry(_Wire):
    """Travel minutes from row to column, for every transport. Null or a negative number: the way is not known."""

    kind: Literal["matrix"]
    minutes: list[list[Annotated[float, Field(le=100_000)] | None]]


class ModeEntry(_Wire):
    """How fast one transport is."""

    transport: Transport
    speed_km_h: Annotated[float, Field(gt=0)]
    detour_ratio: Annotated[float, Field(ge=1)]
    stop_min: Minutes
    valid_from_on: date
    source: Text


class CoordinatesEntry(_Wire):
    """Travel from coordinates, by transport."""

    kind: Literal["coordinates"]
    modes: list[ModeEntry]


class DayEntry(_Wire):
    """A whole day. ``zero_at`` is minute 0 of every exact minute of a plan."""

    schema_: Literal["omsorgstid-day-1"] = Field(alias="schema")
    on: date
    name: Text
    zero_at: Instant
    objective: Objective = Objective.CARE
    units: list[UnitEntry]
    carers: list[CarerEntry]
    citizens: list[CitizenEntry]
    visits: list[VisitEntry]
    pairs: list[PairEntry] = []
    travel: Annotated[MatrixEntry | CoordinatesEntry, Field(discriminator="kind")]
