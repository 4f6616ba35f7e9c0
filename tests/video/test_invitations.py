"""An invitation is redeemed once, by one, in time; the token is nowhere but in the link."""

from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import text

from kernel.database import Database
from tests.video.conftest import TIMES, WALL_S, Calls
from video import service
from video.errors import CallError
from video.invitations import Redeemed, Refusal, hash_of, name_heir, redeem


def test_a_token_has_at_least_128_bits_and_only_its_hash_is_kept(calls: Calls) -> None:
    tokens = {calls.ring().token for _ in range(5)}

    assert len(tokens) == 5
    assert all(len(token) >= 43 for token in tokens)  # 256 bits in base64url
    with calls.units.database.reading() as session:
        kept = session.connection().execute(text("SELECT token_hash FROM call_invitation")).scalars().all()
        everything = str(session.connection().execute(text("SELECT data FROM event")).scalars().all())
    assert set(kept) == {hash_of(token) for token in tokens}
    assert not any(token in everything for token in tokens)


def test_a_token_is_redeemed_once(calls: Calls) -> None:
    rung = calls.ring()

    first = calls.do(redeem, rung.token, WALL_S)
    assert isinstance(first, Redeemed)
    assert first.room.room_id == rung.room.room_id
    assert calls.do(redeem, rung.token, WALL_S) is Refusal.USED


def test_of_many_who_redeem_at_once_one_gets_it(calls: Calls, database: Database) -> None:
    token, together, found = calls.ring().token, Barrier(6), list[Any]()

    def race() -> None:
        together.wait(10)
        with calls.units.begin() as work:
            found.append(redeem(work, token, WALL_S))

    threads = [Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(found) == 6
    assert sum(isinstance(f, Redeemed) for f in found) == 1
    assert found.count(Refusal.USED) == 5


def test_an_old_token_and_one_never_made_are_refused(calls: Calls) -> None:
    rung = calls.ring()

    assert calls.do(redeem, rung.token, WALL_S + TIMES.link_life_s + 1) is Refusal.EXPIRED
    assert calls.do(redeem, "A" * 43, WALL_S) is Refusal.UNKNOWN


def test_a_link_ends_with_its_visit(calls: Calls) -> None:
    rung = calls.ring()
    calls.do(service.conclude, rung.room.room_id, "cancelled", calls.clock.now())

    assert calls.do(redeem, rung.token, WALL_S) is Refusal.EXPIRED


def test_an_older_link_cannot_push_out_the_one_who_answered(calls: Calls) -> None:
    rung = calls.ring()
    calls.do(service.answer, rung.room.room_id, "kiosk", "kiosk:a")

    assert calls.do(redeem, rung.token, WALL_S) is Refusal.ELSEWHERE
    assert calls.do(service.answer, rung.room.room_id, "kiosk", "kiosk:a").citizen_key == "kiosk:a"


def test_a_link_made_during_the_call_moves_it_to_another_screen(calls: Calls) -> None:
    room = calls.answered(key="link:flat battery")
    fresh = calls.ring()
    assert fresh.room.state == room.state
    found = calls.do(redeem, fresh.token, WALL_S)

    assert isinstance(found, Redeemed)
    assert found.takes_over
    calls.do(name_heir, room.room_id, "link:b")
    # until the new screen answers, the old one still talks, and nobody else can take its place
    assert calls.do(service.answer, room.room_id, "link", "link:flat battery").citizen_key == "link:flat battery"
    with pytest.raises(CallError, match="answered_elsewhere"):
        calls.do(service.answer, room.room_id, "link", "link:c")
    assert calls.do(service.answer, room.room_id, "link", "link:b").citizen_key == "link:b"
    assert calls.types() == ["screen.invited", "screen.answered"]
