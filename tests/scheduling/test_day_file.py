import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.keys.errors import TopicError
from devices.keys.topics import Direction, Topic
from kernel.ids import DoorId
from scheduling.day_errors import DayFileError, Problem
from scheduling.day_file import dump_day, load_day, schema_json
from scheduling.model import Competence, Consent, Day, Device, Door, TravelMatrix
from scheduling.travel import unknown_ways
from tests.scheduling.days import LILLESTAD, lillestad, municipality, with_carer, with_citizen, with_terms_of_shifts

SCHEMA_PAGE = Path(__file__).parents[2] / "docs" / "day-file.schema.json"
INSTANT = "an instant with offset, like 2026-11-25T07:00:00+01:00"

DEVICE_ID = "^[A-Za-z0-9_-]{1,64}$"
CARER_ID = r"^[^/?#%\\\x00-\x1f]{1,50}$"

type_of_edit = Callable[[dict[str, Any]], object]


def edited(edit: type_of_edit) -> bytes:
    value = json.loads(LILLESTAD.read_text(encoding="utf-8"))
    edit(value)
    return json.dumps(value).encode()


def problems(raw: bytes) -> list[Problem]:
    with pytest.raises(DayFileError) as refusal:
        load_day(raw)
    return list(refusal.value.problems)


def test_the_small_town_is_read_in_full() -> None:
    day = lillestad()

    assert (len(day.carers), len(day.citizens), len(day.visits), len(day.pairs)) == (2, 3, 4, 1)
    assert day.zero_at.isoformat() == "2026-11-25T06:00:00+00:00"
    agnes, _, clara = day.citizens
    assert agnes.formerly_key_fetched
    assert agnes.door is not None
    assert agnes.door.device_id == "laas-1"
    assert clara.devices == (Device("lift-1", "ceiling_lift"),)
    assert day.carers[0].start_place == day.units[0].base
    assert day.pairs[0].simultaneous


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    assert load_day(b"\xef\xbb\xbf" + LILLESTAD.read_bytes()) == lillestad()


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    name=st.text(min_size=1, max_size=30),
    until=st.none() | st.dates(),
    micros=st.integers(0, 999_999),
)
def test_out_and_in_again_is_the_same_day(seed: int, name: str, until: Any, micros: int) -> None:
    day = replace(municipality(seed, units=2, carers=2, visits_each=4), name=name)
    carer, citizen = day.carers[0], day.citizens[0]
    day = with_carer(
        day,
        carer.id,
        competences=(Competence("insulin", until),),
        next_shift_starts_at=carer.shift_ends_at.replace(microsecond=micros),
        rest_agreement_ref="LA-7",
    )
    consents = (Consent("electronic_key", day.on), Consent("screen", day.on, day.on))
    day = with_citizen(day, citizen.id, consents=consents, devices=(Device("x", "kiosk"),))

    assert load_day(dump_day(day)) == day


def test_the_small_town_survives_the_way_out_and_in() -> None:
    assert load_day(dump_day(lillestad())) == lillestad()
    assert dump_day(load_day(dump_day(lillestad()))) == dump_day(lillestad())


@pytest.mark.parametrize("seed", range(3))
def test_breaks_vehicles_norms_keys_and_merged_units_survive_the_way_out_and_in(seed: int) -> None:
    day = with_terms_of_shifts(municipality(seed, units=2, carers=4, visits_each=3), seed)
    first, second = day.units
    merged = replace(first, valid_to_on=day.on - timedelta(days=1), merged_into_id=second.id)
    door = replace(day.citizens[0].door or Door(DoorId("d")), key_carer_ids=frozenset({day.carers[0].id}))
    day = with_citizen(replace(day, units=(merged, second)), day.citizens[0].id, door=door)

    assert load_day(dump_day(day)) == day


def test_ways_nobody_knows_survive_the_way_out_and_in() -> None:
    day = load_day(edited(lambda d: d["travel"]["minutes"].__setitem__(2, [10, None, -4, 7])))

    assert load_day(dump_day(day)) == day
    assert isinstance(day.travel, TravelMatrix)
    assert unknown_ways(day.travel) == [(2, 1), (2, 2)]


def _break(earliest: str, latest: str, duration_s: int) -> dict[str, object]:
    at = "2026-11-25T{}:00+01:00"
    return {"earliest_at": at.format(earliest), "latest_at": at.format(latest), "duration_s": duration_s}


BROKEN: list[tuple[str, type_of_edit, list[Problem]]] = [
    (
        "a missing field",
        lambda d: d["visits"][0].pop("citizen_id"),
        [Problem("$.visits[0].citizen_id", "a value", "nothing")],
    ),
    (
        "a misspelt field",
        lambda d: d["carers"][1].update(skils=["pleje"]),
        [Problem("$.carers[1].skils", "no field of this name", '["pleje"]')],
    ),
    (
        "a local time without offset",
        lambda d: d["visits"][2].update(window_open_at="2026-11-25T08:30:00"),
        [Problem("$.visits[2].window_open_at", INSTANT, '"2026-11-25T08:30:00"')],
    ),
    (
        "a number as text",
        lambda d: d["visits"][1].update(duration_s="900"),
        [Problem("$.visits[1].duration_s", "a number", '"900"')],
    ),
    (
        "a visit without length",
        lambda d: d["visits"][1].update(duration_s=0),
        [Problem("$.visits[1].duration_s", "a number > 0.0", "0")],
    ),
    (
        "an unknown transport",
        lambda d: d["carers"][0].update(transport="horse"),
        [Problem("$.carers[0].transport", "'bike', 'e_bike' or 'car'", '"horse"')],
    ),
    (
        "another schema",
        lambda d: d.update(schema="omsorgstid-day-2"),
        [Problem("$.schema", "'omsorgstid-day-1'", '"omsorgstid-day-2"')],
    ),
    (
        "the same visit twice",
        lambda d: d["visits"][1].update(id="v1"),
        [Problem("$.visits[1].id", "an id of its own, not that of $.visits[0]", '"v1"')],
    ),
    (
        "an unknown citizen",
        lambda d: d["visits"][0].update(citizen_id="nobody", door_id=None),
        [Problem("$.visits[0].citizen_id", "the id of a citizen in the file", '"nobody"')],
    ),
    (
        "an unknown pinned carer",
        lambda d: d["visits"][0].update(pinned_carer_id="x"),
        [Problem("$.visits[0].pinned_carer_id", "the id of a carer in the file", '"x"')],
    ),
    (
        "an unknown regular carer",
        lambda d: d["citizens"][0].update(preferences={"regular_carer_ids": ["anna", "x"]}),
        [Problem("$.citizens[0].preferences.regular_carer_ids[1]", "the id of a carer in the file", '"x"')],
    ),
    (
        "a window that closes before it opens",
        lambda d: d["visits"][0].update(window_close_at="2026-11-25T06:59:00+01:00"),
        [
            Problem(
                "$.visits[0].window_close_at",
                "an instant not before window_open_at (2026-11-25T07:00:00+01:00)",
                '"2026-11-25T06:59:00+01:00"',
            )
        ],
    ),
    (
        "a shift without length",
        lambda d: d["carers"][0].update(shift_ends_at="2026-11-25T06:00:00Z"),
        [
            Problem(
                "$.carers[0].shift_ends_at",
                "an instant after shift_starts_at (2026-11-25T07:00:00+01:00)",
                '"2026-11-25T06:00:00Z"',
            )
        ],
    ),
    (
        "a shift from a home that is nowhere",
        lambda d: d["carers"][0].update(starts_from="home"),
        [Problem("$.carers[0].home", "a place, as the shift starts or ends there", "nothing")],
    ),
    (
        "a home no shift starts from",
        lambda d: d["carers"][0].update(home={"matrix_row": 1}),
        [Problem("$.carers[0].home", "no place, as the shift is not from or to home", '{"matrix_row": 1}')],
    ),
    (
        "somebody else's door",
        lambda d: d["visits"][0].update(door_id="dør-clara"),
        [Problem("$.visits[0].door_id", 'the citizen\'s door ("dør-agnes")', '"dør-clara"')],
    ),
    (
        "a door for a screen visit",
        lambda d: d["visits"][0].update(mode="screen"),
        [Problem("$.visits[0].door_id", "no door, as a screen visit has none", '"dør-agnes"')],
    ),
    (
        "one lock on two doors",
        lambda d: d["citizens"][1]["door"].update(device_id="laas-1"),
        [Problem("$.citizens[1].door.device_id", "a lock that is on no other door", '"laas-1"')],
    ),
    (
        "a lock whose id no MQTT topic can hold",
        lambda d: d["citizens"][0]["door"].update(device_id="lås-1"),
        [Problem("$.citizens[0].door.device_id", f"text of the form {DEVICE_ID}", '"lås-1"')],
    ),
    (
        "a lift whose id no MQTT topic can hold",
        lambda d: d["citizens"][2]["devices"][0].update(id="lift/+"),
        [Problem("$.citizens[2].devices[0].id", f"text of the form {DEVICE_ID}", '"lift/+"')],
    ),
    (
        "a consent to something nobody asks for",
        lambda d: d["citizens"][0]["consents"][0].update(kind="electronic_lock"),
        [
            Problem(
                "$.citizens[0].consents[0].kind",
                "'electronic_key', 'screen', 'relative' or 'auto_answer'",
                '"electronic_lock"',
            )
        ],
    ),
    (
        "an id that would cut an address in two",
        lambda d: d["carers"][1].update(id="bo/2"),
        [Problem("$.carers[1].id", f"text of the form {CARER_ID}", '"bo/2"')],
    ),
    (
        "a name longer than the register keeps",
        lambda d: d["carers"][1].update(name="b" * 81),
        [Problem("$.carers[1].name", "text of at most 80 characters", '"' + "b" * 56 + "...")],
    ),
    (
        "a begun visit nobody began",
        lambda d: d["visits"][0].update(begun=True),
        [
            Problem("$.visits[0].pinned_carer_id", "a value, as the visit has begun", "nothing"),
            Problem("$.visits[0].pinned_start_at", "a value, as the visit has begun", "nothing"),
        ],
    ),
    (
        "a pair with a visit that is not there",
        lambda d: d["pairs"][0].update(second_id="v9"),
        [Problem("$.pairs[0].second_id", "the id of a visit in the file", '"v9"')],
    ),
    (
        "a visit paired with itself",
        lambda d: d["pairs"][0].update(second_id="v3"),
        [Problem("$.pairs[0].second_id", "a visit of one pair only, not also of $.pairs[0].first_id", '"v3"')],
    ),
    (
        "a pair at two citizens",
        lambda d: d["visits"][3].update(citizen_id="birger", door_id="dør-birger"),
        [Problem("$.pairs[0].second_id", 'a visit with the citizen_id of the first ("clara")', '"birger"')],
    ),
    (
        "a gap that cannot be kept",
        lambda d: d["pairs"][0].update(min_gap_s=60, max_gap_s=30),
        [Problem("$.pairs[0].max_gap_s", "a number >= min_gap_s (60)", "30")],
    ),
    (
        "a matrix with a short row",
        lambda d: d["travel"]["minutes"][2].pop(),
        [Problem("$.travel.minutes[2]", "4 columns", "3 columns")],
    ),
    (
        "a break that ends behind the shift",
        lambda d: d["carers"][0].update(breaks=[_break("12:00", "14:45", 1800)]),
        [
            Problem(
                "$.carers[0].breaks[0].latest_at",
                "an instant that leaves the break inside the shift (to 2026-11-25T15:00:00+01:00)",
                '"2026-11-25T14:45:00+01:00"',
            )
        ],
    ),
    (
        "breaks that overlap",
        lambda d: d["carers"][0].update(breaks=[_break("10:00", "11:00", 1800), _break("11:15", "12:00", 900)]),
        [
            Problem(
                "$.carers[0].breaks[1].earliest_at",
                "an instant inside the shift and behind the break before",
                '"2026-11-25T11:15:00+01:00"',
            )
        ],
    ),
    (
        "a break backwards",
        lambda d: d["carers"][0].update(breaks=[_break("12:00", "11:00", 1800)]),
        [
            Problem(
                "$.carers[0].breaks[0].latest_at",
                "an instant not before earliest_at (2026-11-25T12:00:00+01:00)",
                '"2026-11-25T11:00:00+01:00"',
            )
        ],
    ),
    (
        "a vehicle outside the matrix",
        lambda d: d["carers"][0].update(vehicle={"place": {"matrix_row": 9}}),
        [Problem("$.carers[0].vehicle.place.matrix_row", "a row of the travel matrix (0 to 3)", "9")],
    ),
    (
        "a key with nobody we know",
        lambda d: d["citizens"][1]["door"].update(key_carer_ids=["carl"]),
        [Problem("$.citizens[1].door.key_carer_ids[0]", "the id of a carer in the file", '"carl"')],
    ),
    (
        "a unit that merges without a last day into one that is not there",
        lambda d: d["units"][0].update(merged_into_id="syd"),
        [
            Problem("$.units[0].merged_into_id", "the id of another unit in the file", '"syd"'),
            Problem("$.units[0].valid_to_on", "the last day of the unit, as it merges into another", "nothing"),
        ],
    ),
    (
        "a way of months",
        lambda d: d["travel"]["minutes"][2].__setitem__(1, 200_000),
        [Problem("$.travel.minutes[2][1]", "a number <= 100000.0", "200000")],
    ),
    (
        "a place outside the matrix",
        lambda d: d["citizens"][0]["place"].update(matrix_row=4),
        [Problem("$.citizens[0].place.matrix_row", "a row of the travel matrix (0 to 3)", "4")],
    ),
    (
        "an unknown kind of travel",
        lambda d: d["travel"].update(kind="crow"),
        [Problem("$.travel.kind", "one of 'matrix', 'coordinates'", '"crow"')],
    ),
    (
        "travel of no kind",
        lambda d: d["travel"].pop("kind"),
        [Problem("$.travel.kind", "a value", "nothing")],
    ),
    (
        "a list that is none",
        lambda d: d.update(pairs="v3+v4"),
        [Problem("$.pairs", "a list", '"v3+v4"')],
    ),
]


@pytest.mark.parametrize(("edit", "expected"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_day_file_names_path_expected_and_found(edit: type_of_edit, expected: list[Problem]) -> None:
    assert problems(edited(edit)) == expected


@given(text=st.text(max_size=70) | st.from_regex(r"[A-Za-z0-9_-]{1,66}", fullmatch=True))
def test_exactly_those_locks_are_read_that_a_topic_can_name(text: str) -> None:
    try:
        Topic("demo", "lock", text, Direction.UP, "birth")
        nameable = True
    except TopicError:
        nameable = False

    day, refused = read_or_refused(edited(lambda d: d["citizens"][0]["door"].update(device_id=text)))

    assert (day is not None) == nameable
    assert {p.path for p in refused} == (set() if nameable else {"$.citizens[0].door.device_id"})


def test_all_problems_are_told_at_once() -> None:
    def edit(day: dict[str, Any]) -> None:
        day["visits"][0]["duration_s"] = "twenty"
        day["visits"][1]["citizen_id"] = "nobody"
        day["carers"][0]["unit_id"] = "nord"
        del day["on"]

    paths = [p.path for p in problems(edited(edit))]

    assert sorted(paths) == [
        "$.carers[0].unit_id",
        "$.on",
        "$.visits[0].duration_s",
        "$.visits[1].citizen_id",
    ]


def test_travel_by_coordinates_asks_for_coordinates_and_speeds() -> None:
    def edit(day: dict[str, Any]) -> None:
        day["travel"] = {"kind": "coordinates", "modes": []}
        for citizen in day["citizens"]:
            citizen["place"] = {"lat_deg": 55.6, "lon_deg": 12.5}

    paths = [p.path for p in problems(edited(edit))]

    assert paths == [
        "$.units[0].base.lat_deg",
        "$.units[0].base.lon_deg",
        "$.carers[0].transport",
        "$.carers[1].transport",
    ]


@pytest.mark.parametrize(
    ("raw", "path", "expected"),
    [
        (b"", "$", "JSON"),
        (b"{", "$", "JSON"),
        (b"\xff\xfe", "$", "text in UTF-8"),
        (b"[]", "$", "an object"),
        (b"null", "$", "an object"),
        (b'{"a": NaN}', "$", "JSON"),
        (b"[" * 100_000, "$", "JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "$", "JSON"),
    ],
    ids=["empty", "cut", "not utf-8", "a list", "null", "not a number", "deep", "endless number"],
)
def test_what_is_no_day_at_all_is_refused_in_words(raw: bytes, path: str, expected: str) -> None:
    (problem,) = problems(raw)

    assert (problem.path, problem.expected) == (path, expected)


def test_an_instance_of_the_benchmark_needs_a_date() -> None:
    (problem,) = problems(b'{"patients": [], "caregivers": []}')

    assert problem.found == "an HHCRSP instance without a date"


def read_or_refused(raw: bytes) -> tuple[Day | None, tuple[Problem, ...]]:
    """The day, or the problems it was refused for; any other exception fails the test."""
    try:
        return load_day(raw), ()
    except DayFileError as refusal:
        return None, refusal.problems


def paths_of(value: Any, steps: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [steps] if steps else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [path for key, item in inner for path in paths_of(item, (*steps, key))]


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        -1,
        1e300,
        10**30,
        "",
        "x",
        [],
        {},
        [[]],
        {"id": 3},
        "2026-11-25T07:00:00Z",
        "0001-01-01T00:00:00+14:00",
    ]
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), junk=JUNK)
def test_junk_anywhere_is_refused_with_words_or_read_whole(data: st.DataObject, junk: Any) -> None:
    value = json.loads(LILLESTAD.read_text(encoding="utf-8"))
    *way, last = data.draw(st.sampled_from(paths_of(value)))
    here = value
    for step in way:
        here = here[step]
    here[last] = copy.deepcopy(junk)

    day, refused = read_or_refused(json.dumps(value).encode())

    assert (day is None) == bool(refused)
    assert all(p.path.startswith("$") and p.expected and p.found for p in refused)
    assert day is None or load_day(dump_day(day)) == day


def test_the_error_has_a_code_and_a_danish_sentence_that_says_what_to_do() -> None:
    with pytest.raises(DayFileError) as refusal:
        load_day(edited(lambda d: d["visits"][0].pop("id")))

    assert refusal.value.code == "day_file_invalid"
    assert "Ret filen" in refusal.value.text("da")
    assert "$.visits[0].id" in refusal.value.text("da")


def test_the_published_schema_is_current() -> None:
    assert SCHEMA_PAGE.read_bytes() == schema_json()
