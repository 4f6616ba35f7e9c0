"""Screen visits over HTTP: ring, link, kiosk, outcome, and what becomes a planner's task."""

from datetime import time
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from gateway.pins import hash_pin
from gateway.tables import IdentityRow
from kernel.localtime import at_local
from kernel.tables import EventRow
from tests.conftest import TODAY
from tests.gateway.calls import ScreenVisit, redeem, screen_visit
from tests.gateway.platform import Platform, eventually
from tests.gateway.web import Person
from video.tables import InvitationRow


def events_of(visit: ScreenVisit) -> list[str]:
    """What the log says of the visit, in order."""
    with visit.platform.runtime.database.reading() as session:
        rows = session.exec(select(EventRow).order_by(EventRow.id)).all()  # type: ignore[arg-type]
    return [r.event_type for r in rows if r.data.get("visit_id") == visit.visit_id and r.event_type != "visit.moved"]


def lapse(visit: ScreenVisit) -> dict[str, Any]:
    """World time passes the ring; how the call stands once the sweeper has looked."""
    visit.wait_world(46)
    assert eventually(lambda: visit.carer.get(visit.path).json["state"] == "unanswered")
    state: dict[str, Any] = visit.carer.get(visit.path).json
    return state


def planner_of(visit: ScreenVisit) -> Person:
    """A planner of the visit's unit."""
    identity = f"planner-of-{visit.unit_id}"
    with visit.platform.runtime.units.begin() as work:
        if work.session.get(IdentityRow, identity) is None:
            row = IdentityRow(id=identity, role="planner", name="P", unit_ids=[visit.unit_id], pin_hash="", demo=True)
            row.pin_hash = hash_pin("1234")
            work.session.add(row)
    return visit.platform.signed_in(identity)


def test_a_screen_visit_is_rung_answered_talked_and_ended_in_both_domains(office: Platform) -> None:
    visit = screen_visit(office)
    rung = visit.ring()
    assert (rung["state"], rung["attempt"]) == ("ringing", 1)
    assert rung["citizen_name"]
    assert rung["carer_first_name"] is None
    assert visit.visit().state == "begun"
    citizen = visit.citizen(rung["link"])
    seen = citizen.post("/api/v1/screen/answer", {"action": "answer"}).json
    assert (seen["state"], seen["answered_by"]) == ("answered", "link")
    assert seen["citizen_name"] is None
    assert " " not in seen["carer_first_name"] != ""
    visit.wait_world(300)
    assert citizen.post("/api/v1/screen/hangup").json["state"] == "ended"
    ended = visit.conclude("completed").json

    assert (ended["state"], ended["outcome"]) == ("ended", "completed")
    row = visit.visit()
    assert (row.state, row.outcome, row.source) == ("ended", "done", "manual")
    told = ["screen.invited", "visit.begun", "screen.answered", "screen.ended", "visit.ended"]
    assert events_of(visit)[-5:] == told


def test_a_link_is_said_once_and_kept_and_logged_nowhere(
    office: Platform, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    visit = screen_visit(office)
    link = visit.ring()["link"]
    token = link.partition("#")[2]
    wrong = redeem(visit.stranger(), f"/skaerm#{token * 5}")
    assert (wrong.status, wrong.code) == (422, "invalid_input")
    assert token not in wrong.content.decode()
    redeem(visit.stranger(), link)
    redeem(visit.stranger(), link)

    assert link.startswith("/skaerm#")
    assert len(token) >= 43
    assert visit.carer.get(visit.path).json["link"] is None
    with office.runtime.database.reading() as session:
        for table in session.connection().execute(text("SELECT name FROM sqlite_master WHERE type='table'")).scalars():
            held = session.connection().execute(text(f'SELECT * FROM "{table}"')).all()
            assert token not in str(held), table
    told = capfd.readouterr()
    assert token not in told.out + told.err + caplog.text


def test_a_link_is_redeemed_once_and_the_browser_that_did_may_come_back(office: Platform) -> None:
    visit = screen_visit(office)
    link = visit.ring()["link"]
    first, second = visit.citizen(link), visit.stranger()

    refused = redeem(second, link)
    assert (refused.status, refused.code) == (410, "link_used")
    phone = office.runtime.settings.duty_phone
    assert refused.json["detail_da"] == (
        f"Linket er brugt eller for gammelt. Vent – vi ringer selv igen. Haster det: {phone}"
    )
    assert second.get("/api/v1/screen/room").status == 401
    assert redeem(first, link).json["visit_id"] == visit.visit_id
    assert first.get("/api/v1/screen/room").json["state"] == "ringing"
    visit.conclude("cancelled")
    assert first.get("/api/v1/screen/room").json["state"] == "ended"
    assert first.post("/api/v1/screen/answer", {"action": "answer"}).code == "call_concluded"


def test_a_link_that_is_too_old_or_unknown_is_refused_and_guessing_is_slowed_down(office: Platform) -> None:
    visit = screen_visit(office)
    link = visit.ring()["link"]
    with office.runtime.units.begin() as work:
        for row in work.session.exec(select(InvitationRow)).all():
            row.expires_s = 1.0
    person = visit.stranger()

    old = redeem(person, link)
    guessed = [redeem(person, f"/skaerm#{'A' * 42}{n}") for n in range(10)]
    assert (old.status, old.code) == (410, "link_expired")
    assert (guessed[0].status, guessed[0].code) == (404, "link_unknown")
    assert (guessed[-1].status, guessed[-1].code) == (429, "too_many_tries")
    office.runtime.video.wrong_tokens._at_s.clear()


def test_a_link_sees_its_own_call_and_nothing_else(office: Platform) -> None:
    mine, other = screen_visit(office), screen_visit(office)
    citizen = mine.citizen(mine.ring()["link"])
    other.ring()

    assert citizen.get("/api/v1/screen/room").json["visit_id"] == mine.visit_id
    for path in ("/api/v1/me/day", other.path, "/api/v1/board", "/api/v1/stream", "/api/v1/kiosk", "/api/v1/tasks"):
        assert citizen.get(path).status == 403, path


@pytest.mark.parametrize("case", ["consent", "physical", "other"])
def test_nobody_rings_without_consent_a_screen_visit_or_a_route(office: Platform, case: str) -> None:
    visit = screen_visit(office, consent=case != "consent")
    caller, code = visit.carer, "screen_consent_missing"
    if case == "physical":
        code = "not_a_screen_visit"
        with office.runtime.units.begin() as work:
            row = work.session.merge(visit.visit())
            row.mode = "physical"
    if case == "other":
        caller, code = screen_visit(office).carer, "not_your_call"

    refused = caller.post(visit.path)
    assert refused.code == code
    assert refused.status in (403, 409)
    assert visit.visit().state == "planned"


def test_a_first_ring_nobody_answers_frees_the_carer_and_a_second_becomes_a_task(office: Platform) -> None:
    visit = screen_visit(office)
    visit.ring()
    state = lapse(visit)
    assert (state["attempt"], visit.visit().state) == (1, "planned")
    assert state["next_try_at"] is not None
    assert visit.tasks() == []
    visit.wait_world(900)
    assert visit.ring()["attempt"] == 2
    state = lapse(visit)
    assert (state["attempt"], state["next_try_at"]) == (2, None)
    assert [(t.kind, t.state) for t in visit.tasks()] == [("screen_unanswered", "open")]

    assert visit.conclude("no_answer").json["outcome"] == "no_answer"
    assert (visit.visit().state, visit.visit().outcome) == ("ended", "no_answer")
    assert len(visit.tasks()) == 1


def test_no_answer_by_the_carers_own_word_ends_the_visit_only_at_the_second_try(office: Platform) -> None:
    visit = screen_visit(office)
    visit.ring()
    first = visit.conclude("no_answer").json
    assert (first["state"], first["outcome"]) == ("unanswered", None)
    assert visit.visit().state == "planned"
    visit.ring()
    second = visit.conclude("no_answer").json

    assert (second["state"], second["outcome"]) == ("ended", "no_answer")
    assert [t.kind for t in visit.tasks()] == ["screen_unanswered"]


def test_a_second_try_that_is_forgotten_becomes_a_task_by_itself_and_an_answer_settles_it(office: Platform) -> None:
    visit = screen_visit(office)
    visit.ring()
    lapse(visit)
    visit.wait_world(1_900)
    assert eventually(lambda: [t.kind for t in visit.tasks()] == ["screen_unanswered"])
    visit.answered()

    assert [(t.state, t.how) for t in visit.tasks()] == [("settled", "answered")]


def test_an_outcome_told_twice_happens_once(office: Platform) -> None:
    visit = screen_visit(office)
    visit.answered()
    first = visit.conclude("converted_physical", Idempotency_Key="one")
    again = visit.conclude("converted_physical", Idempotency_Key="one")
    without_key = visit.conclude("converted_physical")
    other = visit.conclude("completed")

    assert (first.status, again.status, without_key.status) == (200, 200, 200)
    assert again.json == first.json
    assert (other.status, other.code) == (409, "call_concluded")
    assert visit.visit().outcome == "partly"
    assert events_of(visit).count("screen.ended") == 1
    assert [t.kind for t in visit.tasks()] == ["screen_needs_physical"]


def test_a_visit_that_was_rung_ends_with_its_call_and_by_no_other_way(office: Platform) -> None:
    visit = screen_visit(office)
    visit.answered()
    end = f"/api/v1/me/visits/{visit.visit_id}/end"

    early = visit.carer.post(end, {"outcome": "done"})
    assert visit.visit().state == "begun"
    assert visit.conclude("completed").status == 200
    repeated = visit.carer.post(end, {"outcome": "done"})

    assert (early.status, early.code) == (409, "call_outcome_missing")
    assert (repeated.status, visit.visit().outcome) == (200, "done")


def test_an_outcome_that_cannot_be_kept_leaves_call_and_visit_as_they_were(office: Platform) -> None:
    visit = screen_visit(office)
    visit.answered()
    refused = visit.carer.post(f"{visit.path}/outcome", {"outcome": "completed", "at": "2026-11-24T06:00:00Z"})

    assert (refused.status, refused.code) == (422, "implausible_time")
    assert visit.carer.get(visit.path).json["state"] == "answered"
    assert visit.visit().state == "begun"


def test_a_telephone_call_after_an_unanswered_ring_is_a_visit_too(office: Platform) -> None:
    visit = screen_visit(office)
    visit.ring()
    lapse(visit)
    ended = visit.conclude("converted_phone")

    assert ended.json["outcome"] == "converted_phone"
    assert (visit.visit().state, visit.visit().outcome) == ("ended", "done")


def test_not_now_waits_for_the_second_try_without_a_task(office: Platform) -> None:
    visit = screen_visit(office)
    citizen = visit.citizen(visit.ring()["link"])
    later = citizen.post("/api/v1/screen/answer", {"action": "not_now"}).json

    assert (later["state"], later["declined"]) == ("unanswered", True)
    assert citizen.post("/api/v1/screen/answer", {"action": "answer"}).code == "call_not_ringing"
    assert visit.tasks() == []
    assert visit.ring()["attempt"] == 2
    assert citizen.post("/api/v1/screen/answer", {"action": "answer"}).json["state"] == "answered"


def test_a_kiosk_shows_the_next_visit_rings_and_answers(office: Platform) -> None:
    visit = screen_visit(office)
    kiosk = visit.kiosk()
    waiting = kiosk.get("/api/v1/kiosk").json
    assert waiting["next_at"] is not None
    assert (waiting["ringing"], waiting["auto_answer"]) == (None, None)
    assert " " not in waiting["carer_first_name"]
    assert kiosk.get("/api/v1/screen/room").json is None
    link = visit.ring()["link"]
    assert kiosk.get("/api/v1/kiosk").json["ringing"]["state"] == "ringing"
    assert kiosk.post("/api/v1/screen/answer", {"action": "answer"}).json["answered_by"] == "kiosk"

    refused = redeem(visit.stranger(), link)
    assert (refused.status, refused.code) == (409, "answered_elsewhere")


def test_a_kiosk_answers_by_itself_only_with_consent_and_in_its_hours(office: Platform) -> None:
    visit = screen_visit(office)
    kiosk = visit.kiosk()
    visit.ring()
    assert kiosk.post("/api/v1/screen/answer", {"action": "auto"}).code == "auto_answer_not_allowed"
    visit.consent("auto_answer")
    visit.platform.clock.advance_to(max(visit.platform.clock.now(), at_local(TODAY, time(8, 30))))
    visit.ring()
    hours = kiosk.get("/api/v1/kiosk").json["auto_answer"]

    assert hours == {"from": "08:00", "to": "20:00", "countdown_s": 10}
    assert kiosk.post("/api/v1/screen/answer", {"action": "auto"}).json["answered_by"] == "auto"


def test_ring_to_me_is_one_open_task_however_often_it_is_pressed(office: Platform) -> None:
    visit = screen_visit(office)
    kiosk = visit.kiosk()
    assert [kiosk.post("/api/v1/kiosk/call-me").status for _ in range(3)] == [202, 202, 202]
    planner = planner_of(visit)
    (task,) = [t for t in planner.get("/api/v1/tasks").json["tasks"] if t["kind"] == "call_back"]
    assert str(task["citizen_short"]) in task["text"]

    settled = planner.post(f"/api/v1/tasks/{task['task_id']}/settlement", {"how": "ringet op"})
    assert (settled.json["task"]["state"], settled.json["task"]["how"]) == ("settled", "ringet op")
    assert task["task_id"] not in {t["task_id"] for t in planner.get("/api/v1/tasks").json["tasks"]}
    visit.citizen(visit.ring()["link"]).post("/api/v1/screen/call-me")
    assert [t.state for t in visit.tasks()].count("open") == 1


def test_quality_windows_are_answered_with_advice_and_told_with_the_end(office: Platform) -> None:
    visit = screen_visit(office)
    state, citizen = visit.answered()
    poor = {"rtt_ms": 300, "jitter_buffer_ms": 60, "concealed_ratio": 0.01, "fps": 4, "freeze_ratio": 0.2}
    advice = [citizen.post("/api/v1/screen/quality", poor).json for _ in range(4)]
    good = {"room_id": state["room_id"], "rtt_ms": 20, "jitter_buffer_ms": 40, "concealed_ratio": 0, "setup_ms": 230}
    mine = visit.carer.post("/api/v1/screen/quality", good).json
    foreign = screen_visit(office).carer.post("/api/v1/screen/quality", good)

    assert [a["advice"] for a in advice] == ["reduce", "audio_only", "audio_only", "audio_only"]
    assert [a["automatic"] for a in advice] == [True, False, False, True]
    assert mine == {"level": "good", "advice": "none", "automatic": False}
    assert foreign.code == "room_unknown"
    visit.conclude("completed_audio")
    metrics = visit.stranger().get("/metrics").content.decode()
    assert 'omsorgstid_screen_calls_total{outcome="completed_audio"}' in metrics
    assert "omsorgstid_screen_setup_seconds_count" in metrics


def test_a_page_gets_turn_credentials_only_where_there_is_a_turn(office: Platform) -> None:
    state = screen_visit(office).ring()

    assert state["ice"]["iceServers"] == []
    assert state["ice"]["expires_at"].endswith("Z")
