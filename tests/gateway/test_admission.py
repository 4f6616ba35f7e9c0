"""A door waits for nobody; what has waited already goes a few at a time; a stream gives its turn back."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.admission import Admission
from tests.own_loop import run


async def _reached(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("Expected it to be reached, got a thousand turns of the loop without.")


def _crowd(admission: Admission, inside: list[str]) -> Callable[[str, bool], Awaitable[None]]:
    async def visit(path: str, waited: bool) -> None:
        async with admission.turn(path, waited):
            inside.append(path)
            await asyncio.Event().wait()

    return visit


def test_a_door_is_served_at_once_however_many_wait() -> None:
    async def morning() -> list[str]:
        admission, inside = Admission(at_once=4, waited_at_once=2), list[str]()
        visit = _crowd(admission, inside)
        crowd = [asyncio.ensure_future(visit("/api/v1/me/day", False)) for _ in range(50)]
        await _reached(lambda: len(inside) == 4)
        door = asyncio.ensure_future(visit("/api/v1/doors/d1/openings", False))
        await _reached(lambda: "/api/v1/doors/d1/openings" in inside)
        for task in (*crowd, door):
            task.cancel()
        return inside

    assert run(morning()).count("/api/v1/me/day") == 4


def test_facts_that_waited_leave_room_for_those_somebody_looks_at() -> None:
    async def after_an_outage() -> list[str]:
        admission, inside = Admission(at_once=4, waited_at_once=2), list[str]()
        visit = _crowd(admission, inside)
        crowd = [asyncio.ensure_future(visit("/api/v1/me/visits/v/begin", True)) for _ in range(50)]
        await _reached(lambda: len(inside) == 2)
        looked_at = asyncio.ensure_future(visit("/api/v1/board", False))
        await _reached(lambda: "/api/v1/board" in inside)
        for task in (*crowd, looked_at):
            task.cancel()
        return inside

    assert run(after_an_outage()).count("/api/v1/me/visits/v/begin") == 2


def test_every_turn_is_given_back_also_by_one_who_leaves_while_waiting() -> None:
    async def many() -> int:
        admission, served = Admission(at_once=2, waited_at_once=1), 0

        async def one(waited: bool) -> None:
            nonlocal served
            async with admission.turn("/api/v1/me/day", waited):
                await asyncio.sleep(0)
                served += 1

        impatient = [asyncio.ensure_future(one(waited=True)) for _ in range(20)]
        await asyncio.sleep(0)
        for task in impatient[::2]:
            task.cancel()
        await asyncio.gather(*impatient, return_exceptions=True)
        before = served
        await asyncio.gather(*(one(waited=n % 2 == 0) for n in range(100)))
        return served - before

    assert run(many()) == 100
