"""Between the planner's model of a day and the rows that keep it. No queries here."""

import json
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from typing import Any

from kernel.ids import CarerId, CitizenId, DoorId, UnitId, VisitId
from kernel.localtime import COPENHAGEN
from scheduling.model import (
    Carer,
    Citizen,
    Competence,
    Consent,
    Day,
    Device,
    ModeSpeed,
    Objective,
    Pair,
    Place,
    Preferences,
    ShiftEnd,
    Transport,
    TravelBySpeed,
    TravelMatrix,
    Unit,
    UnitKind,
    Visit,
    VisitMode,
)
from scheduling.register.tables import CarerRow, CitizenRow, CompetenceRow, ConsentRow, UnitRow
from scheduling.shift_rows import breaks_from, door_from, door_key, place_json, shift_terms, vehicle_from
from scheduling.tables import DayFrameRow, ShiftRow, VisitRow

Row = dict[str, Any]


def place_from(stored: Mapping[str, Any] | None) -> Place | None:
    """The place a row keeps."""
    return None if stored is None else Place(**stored)


def unit_rows(day: Day) -> list[Row]:
    """Rows of the units of a day."""
    return [
        {
            "id": u.id,
            "name": u.name,
            "kind": u.kind.value,
            "base": place_json(u.base) or {},
            "valid_from_on": u.valid_from_on,
            "valid_to_on": u.valid_to_on,
            "merged_into_id": u.merged_into_id,
        }
        for u in day.units
    ]


def carer_rows(carers: Iterable[Carer]) -> list[Row]:
    """Register rows of carers."""
    return [
        {
            "id": c.id,
            "unit_id": c.unit_id,
            "name": c.name,
            "skills": sorted(c.skills),
            "transport": c.transport.value,
        }
        for c in carers
    ]


def competence_rows(carers: Iterable[Carer]) -> list[Row]:
    """Rows of the competences of carers."""
    return [
        {"carer_id": c.id, "code": held.code, "valid_until_on": held.valid_until_on}
        for c in carers
        for held in c.competences
    ]


def citizen_rows(citizens: Sequence[Citizen], first_short: int) -> list[Row]:
    """Register rows of citizens, numbered on from ``first_short`` in the order given."""
    return [
        {
            "id": c.id,
            "short": first_short + number,
            "unit_id": c.unit_id,
            "name": c.display_name,
            "address": c.address,
            "place": place_json(c.place) or {},
            "door_id": c.door.id if c.door else None,
            "lock_device_id": c.door.device_id if c.door else None,
            "formerly_key": c.formerly_key_fetched,
            "door_key": door_key(c.door),
            "devices": [asdict(d) for d in c.devices],
            "preferences": {
                "regular": sorted(c.preferences.regular_carer_ids),
                "avoided": sorted(c.preferences.avoided_carer_ids),
                "screen_ok": c.preferences.screen_ok,
            },
        }
        for number, c in enumerate(citizens)
    ]


def consent_rows(citizens: Iterable[Citizen]) -> list[Row]:
    """Rows of the consents of citizens."""
    return [
        {"citizen_id": c.id, "kind": k.kind, "given_on": k.given_on, "withdrawn_on": k.withdrawn_on}
        for c in citizens
        for k in c.consents
    ]


def shift_kind(start_at: datetime) -> str:
    """Day, evening or night by the local hour a shift begins (domain terms: dag-, aften-, nattevagt)."""
    hour = start_at.astimezone(COPENHAGEN).hour
    if 5 <= hour < 14:
        return "day"
    return "evening" if 14 <= hour < 22 else "night"


def shift_rows(day: Day) -> list[Row]:
    """One planned shift per carer of the day."""
    return [
        {
            "id": f"{day.on.isoformat()}.{c.id}",
            "carer_id": c.id,
            "unit_id": c.unit_id,
            "day": day.on,
            "kind": shift_kind(c.shift_starts_at),
            "planned_start_at": c.shift_starts_at,
            "planned_end_at": c.shift_ends_at,
            "starts_from": c.starts_from.value,
            "ends_at_place": c.ends_at.value,
            "start_place": place_json(c.start_place),
            "end_place": place_json(c.end_place),
            "rest_agreement_ref": c.rest_agreement_ref,
            "terms": shift_terms(c),
            "state": "planned",
        }
        for c in day.carers
    ]


def visit_rows(day: Day) -> list[Row]:
    """One row per visit of the day, not yet allocated."""
    rows = []
    for v in day.visits:
        pair = day.pair_of.get(v.id)
        rows.append(
            {
                "id": v.id,
                "citizen_id": v.citizen_id,
                "unit_id": v.unit_id,
                "day": day.on,
                "service": v.service,
                "window_open_at": v.window_open_at,
                "window_close_at": v.window_close_at,
                "duration_s": v.duration_s,
                "mode": v.mode.value,
                "door_id": v.door_id,
                "required_skills": sorted(v.required_skills),
                "required_competences": sorted(v.required_competences),
                "priority": v.priority,
                # No visit is in two pairs, so the first one's id is enough, and it fits the column.
                "pair_id": pair.first_id if pair else None,
                "pair_rank": None if pair is None else int(pair.second_id == v.id),
                "pair_min_gap_s": pair.min_gap_s if pair else None,
                "pair_max_gap_s": pair.max_gap_s if pair else None,
                "pinned_carer_id": v.pinned_carer_id,
                "pinned_start_at": v.pinned_start_at,
                "formerly_key": day.citizen_by_id[v.citizen_id].formerly_key_fetched,
                "state": "planned",
            }
        )
    return rows


def frame_row(day: Day) -> Row:
    """What belongs to the day as a whole."""
    return {
        "day": day.on,
        "name": day.name,
        "zero_at": day.zero_at,
        "objective": day.objective.value,
        "travel": _pack_travel(day.travel),
    }


def build_day(
    frame: DayFrameRow,
    units: Sequence[UnitRow],
    carers: Sequence[tuple[CarerRow, ShiftRow]],
    competences: Sequence[CompetenceRow],
    citizens: Sequence[Citizen],
    visits: Sequence[VisitRow],
    known: dict[str, tuple[VisitRow, Visit]] | None = None,
) -> Day:
    """The planner's model of a day from its rows.

    ``known``: visits by id as they were made before, with their rows; one whose row says the same is not made anew,
    and what is made is kept there.
    """
    held: dict[str, list[Competence]] = {}
    for row in competences:
        held.setdefault(row.carer_id, []).append(Competence(row.code, row.valid_until_on))
    return Day(
        on=frame.day,
        name=frame.name,
        zero_at=frame.zero_at,
        objective=Objective(frame.objective),
        units=tuple(_unit(u) for u in units),
        carers=tuple(carer_model(c, s, tuple(held.get(c.id, ()))) for c, s in carers),
        citizens=tuple(citizens),
        visits=tuple(_visit(v) if known is None else _kept(v, known) for v in visits),
        pairs=_pairs(visits),
        travel=_unpack_travel(frame.travel),
    )


def with_neighbours(day: Day, neighbours: Iterable[ShiftRow]) -> Day:
    """The day with each carer told when the shift before ended and the next one starts (daily rest)."""
    before: dict[str, datetime] = {}
    after: dict[str, datetime] = {}
    for shift in neighbours:
        if shift.day < day.on:
            before[shift.carer_id] = shift.ended_at or shift.planned_end_at
        else:
            after[shift.carer_id] = shift.planned_start_at
    carers = tuple(
        replace(c, previous_shift_ended_at=before.get(c.id), next_shift_starts_at=after.get(c.id)) for c in day.carers
    )
    return replace(day, carers=carers)


def _unit(row: UnitRow) -> Unit:
    merged = UnitId(row.merged_into_id) if row.merged_into_id is not None else None
    base = Place(**row.base)
    return Unit(UnitId(row.id), row.name, UnitKind(row.kind), base, row.valid_from_on, row.valid_to_on, merged)


def carer_model(row: CarerRow, shift: ShiftRow, competences: tuple[Competence, ...]) -> Carer:
    """A carer and her shift as the planner sees them."""
    terms = shift.terms or {}
    return Carer(
        id=CarerId(row.id),
        unit_id=UnitId(shift.unit_id),
        name=row.name,
        skills=frozenset(row.skills),
        shift_starts_at=shift.planned_start_at,
        shift_ends_at=shift.planned_end_at,
        transport=Transport(row.transport),
        starts_from=ShiftEnd(shift.starts_from),
        ends_at=ShiftEnd(shift.ends_at_place),
        start_place=place_from(shift.start_place),
        end_place=place_from(shift.end_place),
        competences=competences,
        rest_agreement_ref=shift.rest_agreement_ref,
        breaks=breaks_from(terms),
        vehicle=vehicle_from(terms),
        norm_balance_s=terms.get("norm_balance_s"),
    )


def citizen_models(rows: Sequence[CitizenRow], consents: Sequence[ConsentRow]) -> list[Citizen]:
    """Citizens with what they have said yes and no to."""
    given: dict[str, list[Consent]] = {}
    for consent in consents:
        given.setdefault(consent.citizen_id, []).append(Consent(consent.kind, consent.given_on, consent.withdrawn_on))
    return [citizen_model(row, tuple(given.get(row.id, ()))) for row in rows]


def citizen_model(row: CitizenRow, consents: tuple[Consent, ...]) -> Citizen:
    """A citizen as the planner sees her."""
    wishes = row.preferences
    return Citizen(
        id=CitizenId(row.id),
        unit_id=UnitId(row.unit_id),
        display_name=row.name,
        address=row.address,
        place=Place(**row.place),
        door=door_from(row),
        devices=tuple(Device(**d) for d in row.devices),
        consents=consents,
        preferences=Preferences(
            frozenset(CarerId(c) for c in wishes.get("regular", ())),
            frozenset(CarerId(c) for c in wishes.get("avoided", ())),
            bool(wishes.get("screen_ok", False)),
        ),
        formerly_key_fetched=row.formerly_key,
    )


def _kept(row: VisitRow, known: dict[str, tuple[VisitRow, Visit]]) -> Visit:
    before = known.get(row.id)
    if before is None or before[0] != row:
        known[row.id] = before = (row, _visit(row))
    return before[1]


def _visit(row: VisitRow) -> Visit:
    begun = row.state in ("begun", "ended")
    return Visit(
        id=VisitId(row.id),
        citizen_id=CitizenId(row.citizen_id),
        unit_id=UnitId(row.unit_id),
        service=row.service,
        window_open_at=row.window_open_at,
        window_close_at=row.window_close_at,
        duration_s=row.duration_s,
        mode=VisitMode(row.mode),
        door_id=DoorId(row.door_id) if row.door_id else None,
        required_skills=frozenset(row.required_skills),
        required_competences=frozenset(row.required_competences),
        priority=row.priority,
        pinned_carer_id=CarerId(row.pinned_carer_id) if row.pinned_carer_id else None,
        pinned_start_at=row.pinned_start_at,
        begun=begun,
    )


def visit_models(rows: Sequence[VisitRow]) -> tuple[tuple[Visit, ...], tuple[Pair, ...]]:
    """Visits as the planner sees them, and the double ones among them."""
    return tuple(_visit(row) for row in rows), _pairs(rows)


def _pairs(visits: Sequence[VisitRow]) -> tuple[Pair, ...]:
    halves: dict[str, dict[int, VisitRow]] = {}
    for v in visits:
        if v.pair_id is not None and v.pair_rank is not None:
            halves.setdefault(v.pair_id, {})[v.pair_rank] = v
    return tuple(
        Pair(VisitId(two[0].id), VisitId(two[1].id), two[0].pair_min_gap_s or 0.0, two[0].pair_max_gap_s or 0.0)
        for _, two in sorted(halves.items())
        if len(two) == 2
    )


def _pack_travel(travel: TravelMatrix | TravelBySpeed) -> bytes:
    if isinstance(travel, TravelMatrix):
        content: Row = {"minutes": [list(row) for row in travel.minutes]}
    else:
        content = {
            "modes": [
                asdict(m) | {"transport": m.transport.value, "valid_from_on": m.valid_from_on.isoformat()}
                for m in travel.modes
            ]
        }
    return zlib.compress(json.dumps(content).encode())


def travel_of(frame: DayFrameRow) -> TravelMatrix | TravelBySpeed:
    """The travel times a stored day was given with."""
    return _unpack_travel(frame.travel)


def _unpack_travel(packed: bytes) -> TravelMatrix | TravelBySpeed:
    content = json.loads(zlib.decompress(packed))
    if "minutes" in content:
        return TravelMatrix(tuple(array("d", row) for row in content["minutes"]))
    return TravelBySpeed(
        tuple(
            ModeSpeed(
                **(
                    m
                    | {
                        "transport": Transport(m["transport"]),
                        "valid_from_on": date.fromisoformat(m["valid_from_on"]),
                    }
                )
            )
            for m in content["modes"]
        )
    )
