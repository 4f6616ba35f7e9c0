"""*Start vagt*, visits by tap, *Slut vagt* over HTTP: places, double taps, other tablets, other people's visits."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from devices.simulator.holder import HolderKey
from gateway.demo.tablets import Tablet, TabletError
from gateway.usecases.plans import publish_routes
from gateway.wire import b64u, iso
from kernel.tables import EventRow
from scheduling.publishing import RouteDraft, StopDraft
from scheduling.tables import ShiftRow, VisitRow
from tests.conftest import TODAY
from tests.gateway.platform import Platform
from tests.gateway.web import Answer, Person


def _refused(tablet: Tablet, method: str, path: str, body: Any = None) -> tuple[int, str]:
    with pytest.raises(TabletError) as caught:
        tablet.call(method, path, body)
    return caught.value.status, caught.value.code


def _events(platform: Platform, event_type: str, carer_id: str) -> list[dict[str, Any]]:
    with platform.runtime.database.reading() as session:
        rows = session.exec(select(EventRow).where(EventRow.event_type == event_type, EventRow.carer_id == carer_id))
        return [dict(r.data) for r in rows]


@dataclass(frozen=True)
class OnShift:
    """Somebody on a begun shift, over plain HTTP."""

    carer_id: str
    person: Person

    def get(self, path: str) -> Answer:
        return self.person.get(path)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.person.post(path, body, **headers)


def _on_shift(platform: Platform) -> OnShift:
    carer_id = platform.fresh_carer()
    person = platform.signed_in(carer_id)
    person.post("/api/v1/me/shift/start", {"place": "home", "holder_key": b64u(HolderKey.generate().public_key)})
    return OnShift(carer_id, person)


@pytest.mark.parametrize("place", ["home", "base", "citizen"])
def test_a_shift_starts_and_ends_with_the_place_it_was_tapped_at(office: Platform, place: str) -> None:
    tablet = office.tablet(office.fresh_carer())
    assert tablet.day()["shift"]["state"] == "planned"

    begun = tablet.start_shift(place)["shift"]
    ended = tablet.end_shift(place)["shift"]

    assert (begun["state"], begun["place"]) == ("begun", place)
    assert begun["holder_thumbprint"] == tablet.key.thumbprint.hex()
    assert (ended["state"], ended["ended_at"]) == ("ended", iso(office.clock.now()))
    (started,) = _events(office, "shift.started", tablet.carer_id)
    (stopped,) = _events(office, "shift.ended", tablet.carer_id)
    assert (started["place"], stopped["place"]) == (place, place)


def test_a_place_nobody_knows_is_refused_and_nothing_begins(office: Platform) -> None:
    tablet = office.tablet(office.fresh_carer())
    key = b64u(tablet.key.public_key)

    for body in ({"holder_key": key}, {"place": "bus", "holder_key": key}, {"place": "home"}):
        assert _refused(tablet, "POST", "/api/v1/me/shift/start", body) == (422, "invalid_input")
    assert tablet.day()["shift"]["state"] == "planned"


@pytest.mark.parametrize("key", ["", "AAAA", "AQ" * 33, "4" * 87, "#", "BA"])
def test_a_key_that_is_none_is_refused_in_words(office: Platform, key: str) -> None:
    tablet = office.tablet(next(iter(office.first_stops)))

    status, code = _refused(tablet, "POST", "/api/v1/me/shift/start", {"place": "home", "holder_key": key})
    assert (status, code) == (422, "invalid_input")


def test_a_tap_that_comes_twice_starts_one_shift_and_another_tablet_none(office: Platform) -> None:
    carer_id = office.fresh_carer()
    tablet, other = office.tablet(carer_id), office.tablet(carer_id, HolderKey.generate())
    tablet.start_shift("home")

    assert tablet.start_shift("home")["shift"]["state"] == "begun"
    body = {"place": "home", "holder_key": b64u(other.key.public_key)}
    with pytest.raises(TabletError, match="Er det en anden tablet") as caught:
        other.call("POST", "/api/v1/me/shift/start", body)
    assert (caught.value.status, caught.value.code) == (409, "shift_already_begun")
    assert len(_events(office, "shift.started", carer_id)) == 1


def test_two_tablets_that_start_at_the_same_moment_get_one_shift(office: Platform) -> None:
    carer_id = office.fresh_carer()
    tablets = [office.tablet(carer_id, HolderKey.generate()) for _ in range(4)]

    def start(tablet: Tablet) -> str:
        try:
            tablet.start_shift("home")
        except TabletError as err:
            return str(err.code)
        return "begun"

    with ThreadPoolExecutor(4) as pool:
        outcome = sorted(pool.map(start, tablets))

    assert outcome == ["begun", *["shift_already_begun"] * 3]
    assert len(_events(office, "shift.started", carer_id)) == 1


def test_a_shift_cannot_end_while_a_visit_is_open_and_says_whose(office: Platform) -> None:
    tablet = office.tablet(office.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    tablet.begin_visit(stop["visit_id"])

    with pytest.raises(TabletError, match=f"Afslut besøget hos {stop['citizen_name']}") as caught:
        tablet.end_shift("citizen")
    assert (caught.value.status, caught.value.code) == (409, "open_visits")
    tablet.end_visit(stop["visit_id"], "done")
    assert tablet.end_shift("citizen")["shift"]["state"] == "ended"
    assert _refused(tablet, "POST", f"/api/v1/me/visits/{stop['visit_id']}/begin", {}) == (409, "visit_ended")


@pytest.mark.parametrize("outcome", ["done", "partly", "nobody_home", "declined", "cancelled_at_door"])
def test_a_visit_begins_by_a_tap_and_ends_with_an_outcome(office: Platform, outcome: str) -> None:
    tablet = office.tablet(office.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]

    begun = tablet.begin_visit(stop["visit_id"])["visit"]
    ended = tablet.end_visit(stop["visit_id"], outcome)["visit"]

    assert (begun["state"], begun["source"]) == ("begun", "manual")
    assert (ended["state"], ended["outcome"]) == ("ended", outcome)
    (told,) = _events(office, "visit.ended", tablet.carer_id)
    assert (told["outcome"], told["visit_id"]) == (outcome, stop["visit_id"])


def test_what_a_carer_can_do_wrong_with_visits_is_answered_with_what_to_do(office: Platform) -> None:
    mine, other = (office.tablet(office.fresh_carer()) for _ in range(2))
    stops = mine.day()["route"]["stops"]
    first, second = stops[0]["visit_id"], stops[1]["visit_id"]

    def begin(tablet: Tablet, visit_id: str) -> tuple[int, str]:
        return _refused(tablet, "POST", f"/api/v1/me/visits/{visit_id}/begin", {})

    def end(tablet: Tablet, visit_id: str, outcome: str = "done") -> tuple[int, str]:
        return _refused(tablet, "POST", f"/api/v1/me/visits/{visit_id}/end", {"outcome": outcome})

    assert begin(mine, first) == (409, "shift_not_begun")
    mine.start_shift("citizen")
    other.start_shift("citizen")
    assert begin(other, first) == (403, "not_your_visit")
    assert begin(mine, "no-such-visit") == (403, "not_your_visit")
    assert end(mine, first) == (409, "visit_not_begun")
    mine.begin_visit(first)
    assert begin(mine, second) == (409, "another_visit_open")
    assert end(other, first) == (403, "not_your_visit")
    assert end(mine, first, "finished") == (422, "invalid_input")
    mine.end_visit(first, "done")
    assert mine.end_visit(first, "done")["visit"]["state"] == "ended"
    assert end(mine, first, "declined") == (409, "visit_ended")


def test_a_fact_told_late_keeps_its_time_and_an_impossible_one_is_refused(office: Platform) -> None:
    tablet = office.tablet(office.fresh_carer())
    stop = tablet.start_shift("citizen")["route"]["stops"][0]
    path = f"/api/v1/me/visits/{stop['visit_id']}"
    start_at = office.clock.now()
    office.clock.advance_to(start_at + timedelta(minutes=3))

    too_early = {"at": iso(start_at - timedelta(minutes=1))}
    too_late = {"at": iso(office.clock.now() + timedelta(minutes=3))}
    assert _refused(tablet, "POST", f"{path}/begin", too_early) == (422, "implausible_time")
    assert _refused(tablet, "POST", f"{path}/begin", too_late) == (422, "implausible_time")
    assert _refused(tablet, "POST", f"{path}/begin", {"at": "2026-11-25T07:20:00"}) == (422, "invalid_input")
    begun = tablet.call("POST", f"{path}/begin", {"at": iso(start_at + timedelta(minutes=1))})["visit"]
    assert begun["begun_at"] == iso(start_at + timedelta(minutes=1))


def test_the_same_fact_sent_twice_gets_the_same_answer_and_happens_once(office: Platform) -> None:
    person = office.stranger()
    carer_id = office.fresh_carer()
    assert person.sign_in(carer_id).status == 200
    body = {"place": "home", "holder_key": b64u(HolderKey.generate().public_key)}
    person.post("/api/v1/me/shift/start", body)
    stop = person.get("/api/v1/me/day").json["route"]["stops"][0]["visit_id"]

    first = person.post(f"/api/v1/me/visits/{stop}/begin", {}, Idempotency_Key="tap-1")
    office.clock.advance_to(office.clock.now() + timedelta(minutes=1))
    again = person.post(f"/api/v1/me/visits/{stop}/begin", {}, Idempotency_Key="tap-1")

    assert (first.status, first.json) == (again.status, again.json)
    assert len(_events(office, "visit.begun", carer_id)) == 1


def test_one_key_for_two_different_facts_is_a_mistake_and_neither_is_answered_for_the_other(office: Platform) -> None:
    person = office.signed_in(office.fresh_carer())
    person.post("/api/v1/me/shift/start", {"place": "home", "holder_key": b64u(HolderKey.generate().public_key)})
    stop = person.get("/api/v1/me/day").json["route"]["stops"][0]["visit_id"]

    begun = person.post(f"/api/v1/me/visits/{stop}/begin", {}, Idempotency_Key="same")
    ended = person.post(f"/api/v1/me/visits/{stop}/end", {"outcome": "done"}, Idempotency_Key="same")

    assert begun.json["visit"]["state"] == "begun"
    assert (ended.status, ended.code) == (422, "key_used_otherwise")


def test_a_fact_whose_answer_got_lost_is_told_again_with_its_time_and_is_the_same_fact(office: Platform) -> None:
    person = _on_shift(office)
    carer_id, stop = person.carer_id, person.get("/api/v1/me/day").json["route"]["stops"][0]["visit_id"]

    for act, body, event in (("begin", {}, "visit.begun"), ("end", {"outcome": "done"}, "visit.ended")):
        first = person.post(f"/api/v1/me/visits/{stop}/{act}", body, Idempotency_Key=f"lost-{act}")
        # the tablet does not know whether the first came in: it says now when it was
        again = person.post(
            f"/api/v1/me/visits/{stop}/{act}", body | {"at": iso(office.clock.now())}, Idempotency_Key=f"lost-{act}"
        )
        assert (again.status, again.json) == (200, first.json)
        assert len(_events(office, event, carer_id)) == 1


def test_what_waited_for_a_network_is_told_in_one_request_and_each_fact_has_its_own_answer(office: Platform) -> None:
    person = _on_shift(office)
    first, second, third = [s["visit_id"] for s in person.get("/api/v1/me/day").json["route"]["stops"][:3]]
    now = office.clock.now()
    office.clock.advance_to(now + timedelta(minutes=9))
    # the first of them had come in before the network went, only its answer had not
    alone = person.post(f"/api/v1/me/visits/{first}/begin", {"at": iso(now)}, Idempotency_Key="b1")

    def kept(key: str, visit_id: str, minutes: int, outcome: str = "") -> dict[str, str]:
        fact = {"kind": "visit_begin", "key": key, "visit_id": visit_id, "at": iso(now + timedelta(minutes=minutes))}
        return fact | ({"kind": "visit_end", "outcome": outcome} if outcome else {})

    told = [
        *(kept("b1", first, 0), kept("e1", first, 2, "done"), kept("b2", "nobody-s", 3)),
        *(kept("b3", second, 4), kept("b4", third, 5), kept("e3", second, 8, "partly")),
    ]

    answers = person.post("/api/v1/me/facts", {"facts": told}).json["answers"]
    again = person.post("/api/v1/me/facts", {"facts": told}).json["answers"]

    assert [a["key"] for a in answers] == [f["key"] for f in told]
    assert [a["status"] for a in answers] == [200, 200, 403, 200, 409, 200]
    assert (answers[0]["body"], answers[2]["body"]["code"]) == (alone.json, "not_your_visit")
    assert answers[4]["body"]["code"] == "another_visit_open"
    assert answers[5]["body"]["visit"]["ended_at"] == iso(now + timedelta(minutes=8))
    assert [(a["key"], a["status"]) for a in again[:4]] == [(a["key"], a["status"]) for a in answers[:4]]
    assert [e["visit_id"] for e in _events(office, "visit.begun", person.carer_id)] == [first, second, third]
    assert [e["visit_id"] for e in _events(office, "visit.ended", person.carer_id)] == [first, second]


def test_one_fact_of_many_that_cannot_be_read_says_which_and_none_is_told(office: Platform) -> None:
    person = _on_shift(office)
    stop = person.get("/api/v1/me/day").json["route"]["stops"][0]["visit_id"]
    good = {"kind": "visit_begin", "key": "k1", "visit_id": stop}

    wrong = person.post("/api/v1/me/facts", {"facts": [good, {"kind": "visit_end", "key": "k2", "visit_id": stop}]})

    assert (wrong.status, wrong.code) == (422, "invalid_input")
    assert wrong.json["facts"]["problems"][0]["path"] == "body/facts/1/visit_end/outcome"
    assert person.post("/api/v1/me/facts", {"facts": []}).status == 422
    assert person.post("/api/v1/me/facts", {"facts": [good | {"key": str(n)} for n in range(61)]}).status == 422
    assert _events(office, "visit.begun", person.carer_id) == []


@pytest.mark.parametrize("length", [1, 96])
def test_keys_of_every_allowed_length_work(office: Platform, length: int) -> None:
    person = office.signed_in(office.fresh_carer())
    body = {"place": "home", "holder_key": b64u(HolderKey.generate().public_key)}

    answers = [person.post("/api/v1/me/shift/start", body, Idempotency_Key="k" * length) for _ in range(2)]

    assert [a.status for a in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert person.post("/api/v1/me/shift/start", body, Idempotency_Key="k" * 97).status == 422


def test_the_keys_of_two_carers_never_meet(office: Platform) -> None:
    carers = [office.fresh_carer(), office.fresh_carer()]
    people = [office.signed_in(c) for c in carers]
    for person in people:
        body = {"place": "home", "holder_key": b64u(HolderKey.generate().public_key)}
        answer = person.post("/api/v1/me/shift/start", body, Idempotency_Key="the same uuid")
        assert answer.status == 200

    assert [len(_events(office, "shift.started", c)) for c in carers] == [1, 1]


def test_a_route_read_by_the_tablet_counts_as_delivered_once_and_by_a_page_never(office: Platform) -> None:
    carer_id = office.fresh_carer()
    person = office.signed_in(carer_id)

    person.get("/api/v1/me/day")
    assert _events(office, "route.delivered", carer_id) == []
    for _ in range(2):
        day = person.get("/api/v1/me/day", X_Tablet="1").json
    (delivered,) = _events(office, "route.delivered", carer_id)
    assert delivered["route_version"] == day["route"]["version"] == 1
    assert delivered["stop_count"] == len([s for s in day["route"]["stops"] if s["mode"] == "physical"])
    assert person.post("/api/v1/me/route/acknowledgement", {"version": 1}).status == 204
    assert person.get("/api/v1/me/day").json["route"]["acknowledged_version"] == 1


def _night_route(platform: Platform, carer_id: str) -> str:
    """A night shift of yesterday that is not over, with a visit behind a door in a quarter of an hour."""
    now, yesterday = platform.clock.now(), TODAY - timedelta(days=1)
    with platform.runtime.units.begin() as work:
        like = work.session.get_one(VisitRow, platform.first_stops[carer_id])
        shift = ShiftRow(
            id=f"{yesterday}.{carer_id}",
            carer_id=carer_id,
            unit_id=like.unit_id,
            day=yesterday,
            kind="night",
            planned_start_at=now - timedelta(hours=8),
            planned_end_at=now + timedelta(hours=1),
            starts_from="base",
            ends_at_place="base",
        )
        visit = VisitRow(
            id=f"night-{carer_id}",
            citizen_id=like.citizen_id,
            unit_id=like.unit_id,
            day=yesterday,
            service=like.service,
            window_open_at=now,
            window_close_at=now + timedelta(minutes=40),
            duration_s=600.0,
            mode="physical",
            door_id=like.door_id,
            required_skills=[],
            required_competences=[],
        )
        work.session.add_all([shift, visit])
        work.session.flush()
        stop = StopDraft(visit.id, now + timedelta(minutes=15), now + timedelta(minutes=25), 4.0, 1)
        publish_routes(work, yesterday, [RouteDraft(carer_id, like.unit_id, (stop,))], reason="Nattens plan")
        return visit.id


def test_after_midnight_a_night_carer_has_her_route_her_doors_and_the_end_of_her_shift(office: Platform) -> None:
    carer_id = office.fresh_carer()
    visit_id, tablet, planner = _night_route(office, carer_id), office.tablet(carer_id), office.signed_in("planner")

    seen = tablet.day()
    begun = tablet.start_shift("base")
    tablet.call("POST", "/api/v1/me/route/acknowledgement", {"version": seen["route"]["version"]})

    assert (seen["day"], seen["shift"]["kind"]) == ((TODAY - timedelta(days=1)).isoformat(), "night")
    assert [stop["visit_id"] for stop in seen["route"]["stops"]] == [visit_id]
    assert begun["shift"]["state"] == "begun"
    assert tablet.call("GET", "/api/v1/me/grants")["unsealed"] == [visit_id]
    assert tablet.call("GET", f"/api/v1/me/ferry/{begun['route']['stops'][0]['door']['lock_id']}")
    door_id = begun["route"]["stops"][0]["door"]["id"]
    # The lock is away here: what counts is that nobody says she has no shift.
    asked = tablet.call("POST", f"/api/v1/doors/{door_id}/openings", {"visit_id": visit_id})["opening"]
    assert asked["state"] != "refused"
    assert tablet.begin_visit(visit_id)["visit"]["state"] == "begun"
    assert tablet.end_visit(visit_id, "done")["visit"]["outcome"] == "done"
    lost = planner.post(f"/api/v1/carers/{carer_id}/tablet-lost", {"reason": "glemt i bussen"})
    assert lost.json["shift_id"] == begun["shift"]["id"]
    spare = office.tablet(carer_id)
    spare.start_shift("base")
    ended = spare.end_shift("base")
    assert (ended["day"], ended["shift"]["state"]) == (seen["day"], "ended")
