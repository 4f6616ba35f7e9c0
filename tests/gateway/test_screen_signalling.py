"""The signalling socket: between exactly two, nothing kept, strangers out, mistakes answered."""

import json
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, WebSocket
from sqlalchemy import text
from websockets.exceptions import InvalidStatus

from gateway.app import create_app, silent_routes
from tests.gateway.calls import ScreenVisit, Socket, in_call, screen_visit
from tests.gateway.platform import Platform, eventually

SDP = "v=0 a very private description"


@pytest.fixture
def visit(office: Platform) -> ScreenVisit:
    """A screen visit nobody has rung yet."""
    return screen_visit(office)


def test_offer_answer_and_candidates_go_from_the_one_side_to_the_other_and_are_kept_nowhere(visit: ScreenVisit) -> None:
    staff, citizen, _ = in_call(visit)
    candidate = {"candidate": "candidate:1 1 udp 1 10.1.2.3 5000 typ host", "sdpMid": "0", "sdpMLineIndex": 0}
    with staff, citizen:
        staff.say("offer", sdp=SDP, smuggled="x")
        assert citizen.hear("offer") == {"type": "offer", "sdp": SDP}
        citizen.say("answer", sdp=SDP)
        citizen.say("candidate", candidate=candidate)
        citizen.say("candidate", candidate=None)
        assert staff.hear("answer") == {"type": "answer", "sdp": SDP}
        assert [staff.hear("candidate")["candidate"] for _ in range(2)] == [candidate, None]
    with visit.platform.runtime.database.reading() as session:
        for table in session.connection().execute(text("SELECT name FROM sqlite_master WHERE type='table'")).scalars():
            held = str(session.connection().execute(text(f'SELECT * FROM "{table}"')).all())
            assert "private description" not in held, table
            assert "10.1.2.3" not in held, table


def test_a_room_hears_nothing_of_another(office: Platform) -> None:
    one, other = in_call(screen_visit(office)), in_call(screen_visit(office))
    for socket in (*one[:2], *other[:2]):
        socket.hear_all()
    one[0].say("offer", sdp=SDP)
    one[1].hear("offer")

    assert other[0].hear_all() == []
    assert other[1].hear_all() == []
    assert one[0].hear_all() == []
    for socket in (*one[:2], *other[:2]):
        socket.close()


def test_strangers_are_told_why_and_let_out(visit: ScreenVisit) -> None:
    state, citizen = visit.answered()
    port, room = visit.platform.port, state["room_id"]
    other = screen_visit(visit.platform)

    assert Socket(port, None, "call").closed_with() == 4401
    assert Socket(port, None, "tablet", room).closed_with() == 4401
    assert Socket(port, other.carer, "tablet", room).closed_with() == 4403
    assert Socket(port, visit.carer, "tablet", "no-such-room").closed_with() == 4403
    with pytest.raises(InvalidStatus) as refused:
        Socket(port, citizen, "call", Origin="https://elsewhere.example")
    assert refused.value.response.status_code == 403


def test_a_third_screen_is_refused_while_two_talk(visit: ScreenVisit) -> None:
    kiosk = visit.kiosk()
    staff, citizen, _ = in_call(visit)
    with staff, citizen, Socket(visit.platform.port, kiosk, "kiosk") as third:
        third.say("join")
        assert third.hear("error")["code"] == "call_ended"
        third.say("offer", sdp=SDP)
        assert third.hear("error")["code"] == "not_joined"
        staff.hear_all()
        staff.say("offer", sdp="for the two of us")
        assert citizen.hear("offer")["sdp"] == "for the two of us"
        assert third.hear_all() == []


def test_a_link_whose_browser_has_not_answered_hears_the_ring_but_cannot_join(visit: ScreenVisit) -> None:
    state = visit.ring()
    citizen = visit.citizen(state["link"])
    with Socket(visit.platform.port, citizen, "call") as socket:
        assert socket.hear("state")["state"] == "ringing"
        socket.say("join")
        assert socket.hear("error")["code"] == "not_answered"
        citizen.post("/api/v1/screen/answer", {"action": "answer"})
        assert socket.hear("state")["state"] == "answered"
        socket.say("join")
        socket.say("offer", sdp=SDP)
        assert socket.hear("error")["code"] == "nobody_there"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("not json", "wrong_json"),
        ("[1, 2]", "wrong_json"),
        ("[" * 40_000, "wrong_json"),
        ('{"type": "dance"}', "unknown_type"),
        ("{}", "unknown_type"),
        ('{"type": "offer"}', "wrong_json"),
        ('{"type": "offer", "sdp": 7}', "wrong_json"),
        ('{"type": "candidate", "candidate": "x"}', "wrong_json"),
        ('{"type": "candidate", "candidate": {"candidate": {"deep": 1}}}', "wrong_json"),
        ('{"type": "candidate", "candidate": {"sdpMLineIndex": NaN}}', "wrong_json"),
        ('{"type": "offer", "sdp": "\\ud800"}', "wrong_json"),
        (b'{"type": "ping"}', "wrong_json"),
        (json.dumps({"type": "offer", "sdp": "x" * 70_000}), "too_large"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_read_is_answered_and_the_call_goes_on(
    calm: tuple[Socket, Socket], sent: str | bytes, code: str
) -> None:
    staff, citizen = calm
    staff.say_raw(sent)
    assert staff.hear("error")["code"] == code
    staff.say("offer", sdp=SDP)

    assert citizen.hear("offer")["sdp"] == SDP


@pytest.fixture(scope="module")
def calm(office: Platform) -> Iterator[tuple[Socket, Socket]]:
    """Two pages in a call that goes on."""
    staff, citizen, _ = in_call(screen_visit(office))
    with staff, citizen:
        yield staff, citizen


def test_a_flood_of_joins_and_of_lines_ends_itself_and_nobody_elses_call(visit: ScreenVisit, office: Platform) -> None:
    staff, citizen, _ = in_call(visit)
    state, person = screen_visit(office).answered()
    lines = [Socket(office.port, person, "call") for _ in range(8)]
    with staff, citizen:
        assert Socket(office.port, person, "call").closed_with() == 4429
        for _ in range(30):
            lines[0].say("join")
        assert lines[0].closed_with() == 4429
        staff.say("offer", sdp=SDP)
        assert citizen.hear("offer")["sdp"] == SDP
    for line in lines[1:]:
        line.close()
    again = eventually(lambda: Socket(office.port, person, "call"))
    with again:
        assert again.hear("state")["room_id"] == state["room_id"]


def test_one_who_goes_is_missed_and_one_who_comes_back_is_met(visit: ScreenVisit) -> None:
    state, person = visit.answered()
    port = visit.platform.port
    with Socket(port, visit.carer, "tablet", state["room_id"]) as staff:
        staff.say("join")
        first = Socket(port, person, "call")
        first.say("join")
        staff.hear("peer", present=True, role="citizen")
        staff.hear("state", state="in_call")
        first.close()
        staff.hear("peer", present=False)
        staff.hear("state", state="reconnecting")
        with Socket(port, person, "call") as again:
            again.say("join")
            again.hear("peer", present=True, role="staff")
            staff.hear("peer", present=True)
            staff.hear("state", state="in_call")


def test_a_restart_is_reconnecting_until_the_next_answer(visit: ScreenVisit) -> None:
    staff, citizen, _ = in_call(visit)
    with staff, citizen:
        staff.say("restart")
        assert citizen.hear("restart") == {"type": "restart"}
        citizen.hear("state", state="reconnecting")
        staff.say("offer", sdp=SDP)
        citizen.hear("offer")
        citizen.say("answer", sdp=SDP)
        staff.hear("state", state="in_call")


def test_a_newer_page_of_the_same_side_takes_over(visit: ScreenVisit) -> None:
    staff, citizen, room = in_call(visit)
    with citizen, Socket(visit.platform.port, visit.carer, "tablet", room) as newer:
        newer.say("join")
        assert staff.hear("error")["code"] == "joined_elsewhere"
        assert staff.closed_with() == 4409
        newer.hear("peer", present=True)
        citizen.hear_all()
        newer.say("offer", sdp="from the newer page")
        assert citizen.hear("offer")["sdp"] == "from the newer page"


def test_a_browser_that_answers_by_a_link_made_during_the_call_takes_the_place_of_the_one_that_talked(
    visit: ScreenVisit,
) -> None:
    staff, citizen, _ = in_call(visit)
    with staff, citizen:
        other = visit.citizen(visit.ring()["link"])
        citizen.hear_all()
        staff.say("offer", sdp="still for the first")
        assert citizen.hear("offer")["sdp"] == "still for the first"
        other.post("/api/v1/screen/answer", {"action": "answer"})
        assert citizen.hear("error")["code"] == "joined_elsewhere"
        assert citizen.closed_with() == 4409
        with Socket(visit.platform.port, other, "call") as line:
            line.say("join")
            line.hear("peer", present=True)
            staff.hear_all()
            staff.say("offer", sdp="for the second")
            assert line.hear("offer")["sdp"] == "for the second"


def test_hanging_up_is_told_to_both_and_ends_the_relay(visit: ScreenVisit) -> None:
    staff, citizen, _ = in_call(visit)
    with staff, citizen:
        citizen.say("hangup")
        assert staff.hear("state", state="ended")["outcome"] is None
        citizen.hear("state", state="ended")
        staff.say("offer", sdp=SDP)
        assert staff.hear("error")["code"] == "call_ended"
        visit.conclude("completed")
        assert citizen.hear("state", outcome="completed")["link"] is None


def test_a_kiosks_standing_line_hears_the_ring_and_joins_the_call_it_answered(visit: ScreenVisit) -> None:
    kiosk = visit.kiosk()
    with Socket(visit.platform.port, kiosk, "kiosk") as line:
        line.hear_all()
        state = visit.ring()
        ring = line.hear("ring")
        assert (ring["room_id"], ring["link"], ring["citizen_name"]) == (state["room_id"], None, None)
        kiosk.post("/api/v1/screen/answer", {"action": "answer"})
        line.say("join")
        with Socket(visit.platform.port, visit.carer, "tablet", state["room_id"]) as staff:
            staff.say("join")
            staff.hear("peer", present=True)
            staff.say("offer", sdp=SDP)
            assert line.hear("offer")["sdp"] == SDP
            visit.carer.post(f"{visit.path}/hangup")
            line.hear("state", state="ended")


def test_a_kiosks_standing_line_hears_that_the_ring_is_over(visit: ScreenVisit) -> None:
    kiosk = visit.kiosk()
    with Socket(visit.platform.port, kiosk, "kiosk") as line:
        line.hear_all()
        visit.ring()
        line.hear("ring")
        visit.wait_world(46)
        assert line.hear("state", state="unanswered")["next_try_at"] is not None
        visit.ring()
        assert line.hear("ring")["attempt"] == 2


def test_the_ring_of_a_page_that_waits_goes_by_the_wall_and_not_by_the_world(visit: ScreenVisit) -> None:
    state = visit.ring()
    with Socket(visit.platform.port, visit.carer, "tablet", state["room_id"]) as staff:
        staff.say("join")
        left_s = staff.hear("state")["ring_left_s"]
        visit.wait_world(3_600)
        staff.hear_all()
        assert visit.carer.get(visit.path).json["state"] == "ringing"
        assert 0 < left_s <= visit.platform.runtime.settings.video.ring_s


def test_sockets_are_counted_while_they_are_open(visit: ScreenVisit) -> None:
    hub = visit.platform.runtime.video.hub
    before = hub.open_sockets
    staff, citizen, _ = in_call(visit)
    assert hub.open_sockets == before + 2
    staff.close()
    citizen.close()

    assert eventually(lambda: hub.open_sockets == before)


def test_a_socket_that_declares_nobody_keeps_the_application_from_starting(office: Platform) -> None:
    app = create_app(office.runtime.parts)
    assert silent_routes(app) == []
    forgotten = APIRouter(prefix="/api/v1/forgotten")

    @forgotten.websocket("/line")
    async def line(socket: WebSocket) -> None:
        await socket.accept()

    app.include_router(forgotten)

    assert silent_routes(app) == ["/api/v1/forgotten/line"]
