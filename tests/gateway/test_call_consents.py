"""What a citizen may end, what a second link may take, and who may not get in the way of a call."""

from datetime import time

import pytest

from gateway.pins import hash_pin
from gateway.tables import IdentityRow
from kernel.localtime import at_local
from tests.conftest import TODAY
from tests.gateway.calls import ScreenVisit, Socket, redeem, screen_visit
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person
from video.tables import RoomRow


@pytest.fixture
def visit(office: Platform) -> ScreenVisit:
    """A screen visit nobody has rung yet."""
    return screen_visit(office)


def at_home(visit: ScreenVisit) -> Person:
    """The citizen, signed in as herself."""
    identity = f"self-{visit.citizen_id}"
    with visit.platform.runtime.units.begin() as work:
        row = IdentityRow(id=identity, role="citizen", name="", unit_ids=[visit.unit_id], pin_hash="", demo=True)
        row.citizen_id, row.pin_hash = visit.citizen_id, hash_pin("1234")
        work.session.add(row)
    person = visit.stranger("citizen")
    assert person.sign_in(identity).status == 200
    return person


def withdraw_screen(visit: ScreenVisit) -> None:
    """The citizen takes her yes to screen visits back."""
    assert at_home(visit).post("/api/v1/citizen/consents/screen/withdrawal").status == 200


def test_who_takes_her_consent_back_while_it_rings_is_rung_no_more_and_no_screen_answers_for_her(
    visit: ScreenVisit,
) -> None:
    visit.consent("auto_answer")
    visit.platform.clock.advance_to(max(visit.platform.clock.now(), at_local(TODAY, time(8, 30))))
    kiosk = visit.kiosk()
    with Socket(visit.platform.port, kiosk, "kiosk") as line:
        visit.ring()
        line.hear("ring")
        withdraw_screen(visit)
        line.hear("state", state="ended")

    assert kiosk.post("/api/v1/screen/answer", {"action": "auto"}).status in (403, 409)
    assert kiosk.get("/api/v1/kiosk").json["auto_answer"] is None
    assert visit.carer.post(visit.path).code == "screen_consent_missing"
    assert visit.conclude("converted_phone").status == 200


def test_who_takes_her_consent_back_between_two_tries_gets_one_task_and_no_second_try(visit: ScreenVisit) -> None:
    citizen = visit.citizen(visit.ring()["link"])
    citizen.post("/api/v1/screen/answer", {"action": "not_now"})
    withdraw_screen(visit)
    visit.wait_world(3_600)

    assert citizen.get("/api/v1/screen/room").json["next_try_at"] is None
    assert not eventually(lambda: len(visit.tasks()) > 1, 1.2), "the sweeper has looked and found nothing to do"
    assert [t.kind for t in visit.tasks()] == ["screen_needs_physical"]


def test_who_takes_her_consent_back_in_the_call_ends_it(visit: ScreenVisit) -> None:
    _, citizen = visit.answered()
    withdraw_screen(visit)

    assert citizen.get("/api/v1/screen/room").json["state"] == "ended"
    assert citizen.post("/api/v1/screen/answer", {"action": "answer"}).code == "call_not_ringing"


def test_not_now_on_a_second_link_does_not_break_the_call_that_goes_on(visit: ScreenVisit) -> None:
    _, first = visit.answered()
    second = visit.citizen(visit.ring()["link"])

    assert second.post("/api/v1/screen/answer", {"action": "not_now"}).code == "call_not_ringing"
    assert first.post("/api/v1/screen/answer", {"action": "answer"}).status == 200
    assert second.post("/api/v1/screen/hangup").code == "answered_elsewhere"
    assert second.post("/api/v1/screen/answer", {"action": "answer"}).status == 200
    assert first.post("/api/v1/screen/hangup").code == "answered_elsewhere"
    assert second.post("/api/v1/screen/hangup").json["state"] == "ended"


def test_who_has_a_link_is_let_in_however_often_others_at_the_same_address_have_guessed(visit: ScreenVisit) -> None:
    link = visit.ring()["link"]
    guessed = [redeem(visit.stranger(), f"/skaerm#{'B' * 41}{n:02}") for n in range(12)]
    try:
        assert (guessed[-1].status, guessed[-1].code) == (429, "too_many_tries")
        assert redeem(visit.stranger(), link).status == 200
    finally:
        visit.platform.runtime.video.wrong_tokens._at_s.clear()


def test_a_talk_that_both_pages_left_does_not_stand_on_the_kiosk_for_ever(visit: ScreenVisit) -> None:
    kiosk = visit.kiosk()
    state = visit.ring()
    kiosk.post("/api/v1/screen/answer", {"action": "answer"})
    with visit.platform.runtime.units.begin() as work:
        work.session.get_one(RoomRow, state["room_id"]).ring_until_s -= 4 * 3_600 + 60

    assert eventually(lambda: kiosk.get("/api/v1/screen/room").json is None)
    assert visit.conclude("completed").status == 200


def test_a_kiosk_taken_down_in_the_call_is_out_of_it(visit: ScreenVisit) -> None:
    kiosk = visit.kiosk()
    visit.ring()
    kiosk.post("/api/v1/screen/answer", {"action": "answer"})
    with visit.platform.runtime.units.begin() as work:
        work.session.delete(work.session.get_one(IdentityRow, f"kiosk-{visit.citizen_id}"))

    assert Socket(visit.platform.port, kiosk, "kiosk").closed_with() == 4401
    assert kiosk.post("/api/v1/screen/hangup").status == 401
    moved = visit.citizen(visit.ring()["link"])
    assert moved.post("/api/v1/screen/answer", {"action": "answer"}).json["state"] == "answered"


def test_the_carer_who_takes_a_visit_over_later_may_say_how_it_went(visit: ScreenVisit) -> None:
    visit.ring()
    assert visit.conclude("no_answer").json["state"] == "unanswered"
    visit.wait_world(1_000)
    later = screen_visit(visit.platform)
    with visit.platform.runtime.units.begin() as work:
        row = work.session.merge(visit.visit())
        row.carer_id = later.carer_id

    assert visit.conclude("converted_phone").code == "room_unknown"
    assert later.carer.get(visit.path).json["state"] == "unanswered"
    ended = later.carer.post(f"{visit.path}/outcome", {"outcome": "converted_phone"})
    assert (ended.status, visit.visit().outcome) == (200, "done")


def test_that_it_was_hard_to_hear_is_kept_for_the_planner_and_counted(visit: ScreenVisit) -> None:
    _, citizen = visit.answered()
    citizen.post("/api/v1/screen/hangup")
    # Other calls of this process count too.
    stranger = visit.stranger()
    before = _trouble_counted(stranger)
    told = [citizen.post("/api/v1/screen/feedback", {"trouble": True}) for _ in range(2)]
    wrong = citizen.post("/api/v1/screen/feedback", {"trouble": False})
    identity = f"planner-of-{visit.unit_id}"
    with visit.platform.runtime.units.begin() as work:
        row = IdentityRow(id=identity, role="planner", name="P", unit_ids=[visit.unit_id], pin_hash="", demo=True)
        row.pin_hash = hash_pin("1234")
        work.session.merge(row)
    planner = visit.platform.signed_in(identity)

    assert [a.status for a in told] == [202, 202]
    assert wrong.status == 422
    heard = eventually(lambda: [h for h in _history(planner, visit) if "svært at høre" in h])
    assert len(heard) == 1
    assert eventually(lambda: _trouble_counted(stranger) == before + 1)


def _trouble_counted(stranger: Person) -> int:
    lines = stranger.get("/metrics").content.decode().splitlines()
    (line,) = (line for line in lines if line.startswith("omsorgstid_screen_trouble_total "))
    return int(float(line.split()[1]))


def test_a_kiosk_may_say_it_of_the_call_it_just_had(visit: ScreenVisit) -> None:
    kiosk = visit.kiosk()
    assert kiosk.post("/api/v1/screen/feedback", {"trouble": True}).code == "call_not_ringing"
    visit.ring()
    kiosk.post("/api/v1/screen/answer", {"action": "answer"})
    visit.conclude("completed")

    assert kiosk.post("/api/v1/screen/feedback", {"trouble": True}).status == 202


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "null"}, 202),
        ({}, 202),
    ],
    ids=str,
)
def test_only_our_own_pages_can_have_something_done(asked: Person, headers: dict[str, str], status: int) -> None:
    answer = asked.post("/api/v1/screen/call-me", **headers)

    assert answer.status == status
    assert answer.code == ("other_origin" if status == 403 else "")


@pytest.fixture(scope="module")
def asked(office: Platform) -> Person:
    """A citizen in a call."""
    return screen_visit(office).answered()[1]


def _history(planner: Person, visit: ScreenVisit) -> list[str]:
    return [h["text"] for h in planner.get(f"/api/v1/visits/{visit.visit_id}").json["history"]]
