"""A call from ring to outcome, step by step, on both databases."""

import pytest

from tests.video.conftest import TIMES, WALL_S, Calls, facts
from video import interruptions, measuring, service, store
from video.errors import CallError
from video.events import ScreenVisitEnded, ScreenVisitInvited, ScreenVisitUnanswered
from video.model import CallState
from video.quality import Window

BAD = measuring.Measured(Window(350, 120, 0.05, 20, 0.0), "relay_udp", reconnects=1)
GOOD = measuring.Measured(Window(20, 40, 0.0, 20, 0.0), "direct", setup_ms=240)


def code_of(err: pytest.ExceptionInfo[CallError]) -> str:
    return err.value.code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"planned_carer_id": "k2", "consent_active": False}, "not_your_call"),
        ({"planned_carer_id": None}, "not_your_call"),
        ({"mode": "physical"}, "not_a_screen_visit"),
        ({"consent_active": False}, "screen_consent_missing"),
        ({"shift_begun": False}, "call_shift_not_begun"),
        ({"visit_ended": True}, "call_concluded"),
    ],
)
def test_nobody_is_rung_against_a_rule(calls: Calls, changes: dict[str, object], code: str) -> None:
    with pytest.raises(CallError) as err:
        calls.ring(facts(**changes))

    assert code_of(err) == code
    assert calls.told == []


def test_a_call_that_is_answered_talked_and_concluded_tells_its_length(calls: Calls) -> None:
    room = calls.answered()
    assert (room.state, room.attempt, room.citizen_key) == (CallState.ANSWERED, 1, "link:a")
    calls.do(service.presence, room.room_id, both=True)
    calls.later(300)
    hung_up = calls.do(service.hang_up, room.room_id)
    assert (hung_up.state, hung_up.talk_s, hung_up.outcome) == (CallState.ENDED, 300, None)
    calls.later(60)
    ended = calls.do(service.conclude, room.room_id, "completed", calls.clock.now())

    assert (ended.state, ended.outcome, ended.talk_s) == (CallState.ENDED, "completed", 300)
    assert calls.types() == ["screen.invited", "screen.answered", "screen.ended"]
    told = calls.told[-1]
    assert isinstance(told, ScreenVisitEnded)
    assert (told.attempts, told.talk_s, told.path) == (1, 300, "unknown")


def test_the_same_outcome_twice_is_told_once_and_another_is_refused(calls: Calls) -> None:
    room = calls.answered()
    at = calls.clock.now()
    first = calls.do(service.conclude, room.room_id, "completed_audio", at)
    again = calls.do(service.conclude, room.room_id, "completed_audio", at)
    with pytest.raises(CallError) as err:
        calls.do(service.conclude, room.room_id, "declined", at)

    assert (again, code_of(err)) == (first, "call_concluded")
    assert calls.types().count("screen.ended") == 1


def test_a_ring_nobody_answers_is_over_by_world_time_where_no_page_waits(calls: Calls) -> None:
    room = calls.ring().room
    calls.later(44.9)
    assert calls.do(interruptions.lapse, room.room_id, TIMES, WALL_S + 10_000) is None
    calls.later(10)
    lapsed = calls.do(interruptions.lapse, room.room_id, TIMES, WALL_S)

    assert (lapsed.state, lapsed.attempt) == (CallState.UNANSWERED, 1)
    told = calls.told[-1]
    assert isinstance(told, ScreenVisitUnanswered)
    # However late it is looked at, it was over when it was over.
    assert told.at == room.ring_until_at
    assert lapsed.next_try_at is not None
    assert (lapsed.next_try_at - room.ring_until_at).total_seconds() == TIMES.second_try_s
    assert calls.do(interruptions.lapse, room.room_id, TIMES, WALL_S) is None


def test_a_ring_with_a_page_behind_it_is_over_by_the_wall(calls: Calls) -> None:
    room = calls.ring().room
    calls.do(service.mark_live, room.room_id)
    calls.later(10_000)

    assert calls.do(interruptions.lapse, room.room_id, TIMES, WALL_S + 44.9) is None
    assert calls.do(interruptions.lapse, room.room_id, TIMES, WALL_S + 45.0).state is CallState.UNANSWERED


def test_the_second_try_is_the_last(calls: Calls) -> None:
    room = calls.ring().room
    calls.later(46)
    calls.do(interruptions.lapse, room.room_id, TIMES, WALL_S)
    calls.later(900)
    second = calls.ring().room
    assert (second.room_id, second.attempt, second.state) == (room.room_id, 2, CallState.RINGING)
    calls.later(46)
    lapsed = calls.do(interruptions.lapse, room.room_id, TIMES, WALL_S)

    assert (lapsed.attempt, lapsed.next_try_at) == (2, None)
    assert [e.attempt for e in calls.told if isinstance(e, ScreenVisitInvited)] == [1, 2]


def test_a_second_try_that_is_forgotten_is_given_to_the_planner_once(calls: Calls) -> None:
    room = calls.ring().room
    calls.later(46)
    calls.do(interruptions.lapse, room.room_id, TIMES, WALL_S)
    calls.later(TIMES.second_try_s + 1)
    assert calls.do(interruptions.give_to_planner, room.room_id, TIMES) is None
    calls.later(TIMES.second_try_s)

    assert calls.do(interruptions.give_to_planner, room.room_id, TIMES) is not None
    assert calls.do(interruptions.give_to_planner, room.room_id, TIMES) is None


def test_not_now_waits_for_the_second_try_and_says_why(calls: Calls) -> None:
    room = calls.ring().room
    later = calls.do(service.not_now, room.room_id, TIMES)

    assert (later.state, later.declined) == (CallState.UNANSWERED, True)
    told = calls.told[-1]
    assert isinstance(told, ScreenVisitUnanswered)
    assert told.declined


def test_what_is_answered_by_one_browser_cannot_be_answered_by_another(calls: Calls) -> None:
    room = calls.answered(key="kiosk:a")
    assert calls.do(service.answer, room.room_id, "kiosk", "kiosk:a").citizen_key == "kiosk:a"
    with pytest.raises(CallError) as err:
        calls.do(service.answer, room.room_id, "link", "link:b")

    assert code_of(err) == "answered_elsewhere"
    assert calls.types().count("screen.answered") == 1


def test_a_call_hung_up_by_accident_rings_again_in_the_same_try_and_its_talk_adds_up(calls: Calls) -> None:
    room = calls.answered()
    calls.later(100)
    calls.do(service.hang_up, room.room_id)
    again = calls.ring().room
    assert (again.attempt, again.state, again.answered_at) == (1, CallState.RINGING, None)
    calls.do(service.answer, room.room_id, "link", "link:a")
    calls.later(50)
    ended = calls.do(service.conclude, room.room_id, "completed", calls.clock.now())

    assert ended.talk_s == 150


def test_an_outcome_cannot_contradict_what_happened(calls: Calls) -> None:
    room = calls.ring().room
    with pytest.raises(CallError) as nobody:
        calls.do(service.conclude, room.room_id, "completed", calls.clock.now())
    calls.do(service.answer, room.room_id, "link", "link:a")
    with pytest.raises(CallError) as somebody:
        calls.do(service.give_up, room.room_id, TIMES)

    assert (code_of(nobody), code_of(somebody)) == ("nobody_has_answered", "citizen_has_answered")


def test_a_kiosk_that_answered_by_itself_in_an_empty_room_is_no_answer(calls: Calls) -> None:
    room = calls.answered(by="auto", key="kiosk:a")
    waiting = calls.do(service.give_up, room.room_id, TIMES)

    assert (waiting.state, waiting.attempt) == (CallState.UNANSWERED, 1)
    assert waiting.next_try_at is not None


def test_one_who_goes_and_comes_back_is_reconnecting_and_then_in_the_call(calls: Calls) -> None:
    room_id = calls.answered().room_id
    states = [calls.do(service.presence, room_id, both=both) for both in (True, True, False, False, True)]

    assert [s and s.state for s in states] == [
        CallState.IN_CALL,
        None,
        CallState.RECONNECTING,
        None,
        CallState.IN_CALL,
    ]


def test_quality_is_summed_up_by_side_and_told_once_with_the_end(calls: Calls) -> None:
    room = calls.answered()
    for _ in range(3):
        calls.do(measuring.measure, room.room_id, "staff", GOOD)
    told = [calls.do(measuring.measure, room.room_id, "citizen", BAD) for _ in range(6)]
    calls.do(service.conclude, room.room_id, "converted_phone", calls.clock.now())

    assert [t.advice for t in told] == ["reduce", *["audio_only"] * 4, "telephone"]
    ended, quality = calls.told[-2:]
    assert (ended.reconnects, ended.path) == (6, "relay_udp")  # type: ignore[attr-defined]
    assert quality.model_dump(include={"windows", "good_windows", "setup_ms", "path"}) == {
        "windows": 9,
        "good_windows": 3,
        "setup_ms": 240,
        "path": "relay_udp",
    }


def test_a_talk_that_nobody_ended_is_hung_up_and_adds_nothing_to_its_length(calls: Calls) -> None:
    room = calls.answered()
    calls.later(5 * 3_600)
    assert calls.do(interruptions.end_abandoned, room.room_id, WALL_S + 4 * 3_600) is None
    with calls.units.database.reading() as session:
        assert store.waiting_rooms(session, WALL_S + 4 * 3_600) == []
        assert [r.room_id for r in store.waiting_rooms(session, WALL_S + 4 * 3_600 + 45)] == [room.room_id]

    ended = calls.do(interruptions.end_abandoned, room.room_id, WALL_S + 4 * 3_600 + 45)
    assert (ended.state, ended.talk_s, ended.outcome) == (CallState.ENDED, 0, None)
    assert calls.do(interruptions.end_abandoned, room.room_id, WALL_S + 5 * 3_600) is None


def test_who_wants_no_more_calls_is_hung_up_on_and_not_rung_a_second_time(calls: Calls) -> None:
    talking = calls.answered()
    calls.later(60)
    ringing = calls.ring(facts(visit_id="v2")).room
    waiting = calls.do(service.not_now, calls.ring(facts(visit_id="v3")).room.room_id, TIMES)
    other = calls.ring(facts(visit_id="v4", citizen_id="c2")).room

    stopped = {r.room_id: r for r in calls.do(interruptions.stop_calls, "c1")}
    assert {i: r.state.value for i, r in stopped.items()} == {
        talking.room_id: "ended",
        ringing.room_id: "ended",
        waiting.room_id: "unanswered",
    }
    assert stopped[talking.room_id].talk_s == 60
    assert stopped[waiting.room_id].next_try_at is None
    assert calls.do(interruptions.stop_calls, "c1") == []
    assert calls.do(service.answer, other.room_id, "link", "link:z").state is CallState.ANSWERED


def test_that_it_was_hard_to_hear_is_told_once_a_call_and_only_of_a_talk(calls: Calls) -> None:
    rung = calls.ring().room
    with pytest.raises(CallError) as err:
        calls.do(measuring.note_trouble, rung.room_id)
    assert code_of(err) == "nobody_has_answered"
    calls.answered()

    assert [calls.do(measuring.note_trouble, rung.room_id).trouble for _ in range(2)] == [True, True]
    assert calls.types().count("screen.trouble") == 1


def test_what_somebody_saw_before_she_had_to_wait_is_not_written_over_what_is(calls: Calls) -> None:
    room = calls.answered()
    calls.do(service.presence, room.room_id, both=True)
    calls.do(service.presence, room.room_id, both=False)

    assert calls.do(service.presence, room.room_id, both=True, holds=lambda: False) is None
    assert calls.do(service.presence, room.room_id, both=True).state is CallState.IN_CALL
