"""One reader of the log per process: everybody gets what they want, in order, each once, or hears "reload"."""

from collections.abc import Callable, Iterator
from threading import Event as Signal
from threading import Thread
from time import monotonic, sleep

import pytest

from kernel.database import Database
from kernel.events import StoredEvent
from kernel.sequencer import Sequencer
from kernel.tailer import Subscription, Tailer
from tests.kernel.facts import noted, units_on


class Listener:
    """A page that takes what it is given."""

    def __init__(self, tailer: Tailer, after: int | None = None, capacity: int = 1_000, only: str = "") -> None:
        self.ready = Signal()
        self.positions: list[int] = []
        self.texts: list[str] = []
        self.subscription: Subscription = tailer.subscribe(
            lambda e: only in str(e.data["text"]), self.ready.set, after, capacity
        )

    def heard(self, count: int, timeout_s: float = 15.0) -> list[str]:
        """Wait for so many events; their texts."""
        deadline_s = monotonic() + timeout_s
        while len(self.texts) < count and monotonic() < deadline_s:
            self.ready.wait(0.05)
            self.ready.clear()
            events: list[StoredEvent] = self.subscription.take()
            self.positions += [e.position for e in events]
            self.texts += [str(e.data["text"]) for e in events]
        return self.texts


@pytest.fixture
def tailer(database: Database) -> Iterator[Tailer]:
    """A tailer that looks when woken, and every tenth of a second."""
    made = Tailer(database, poll_s=0.1)
    yield made
    made.stop()


def _tell(database: Database, *texts: str) -> None:
    with units_on(database).begin() as work:
        work.record(*(noted(t) for t in texts))
    Sequencer(database).run_until_empty()


def test_everybody_hears_what_they_asked_for_in_order(database: Database, tailer: Tailer) -> None:
    _tell(database, "before")
    tailer.start()
    everything, some = Listener(tailer), Listener(tailer, only="b")

    _tell(database, "a", "b1")
    tailer.wake()
    _tell(database, "b2", "c")
    tailer.wake()

    assert everything.heard(4) == ["a", "b1", "b2", "c"]
    assert some.heard(2) == ["b1", "b2"]
    assert everything.positions == [2, 3, 4, 5]


def test_without_anybody_waking_it_the_tailer_looks_by_itself(database: Database, tailer: Tailer) -> None:
    tailer.start()
    listener = Listener(tailer)
    _tell(database, "nobody rang")

    assert listener.heard(1) == ["nobody rang"]


def test_a_listener_resumes_after_the_last_position_it_saw(database: Database, tailer: Tailer) -> None:
    _tell(database, "a", "b", "c")
    tailer.start()
    back = Listener(tailer, after=1)
    _tell(database, "d")

    assert back.heard(3) == ["b", "c", "d"]
    assert back.positions == [2, 3, 4]


def test_a_listener_who_saw_more_elsewhere_is_not_told_again(database: Database, tailer: Tailer) -> None:
    """The process it was connected to before may have been ahead of this one."""
    _tell(database, "a")
    tailer.start()
    ahead = Listener(tailer, after=3)
    _tell(database, "b", "c", "d")

    assert ahead.heard(1) == ["d"]
    assert ahead.positions == [4]


def test_too_much_for_a_listener_says_reload_and_keeps_nothing(database: Database, tailer: Tailer) -> None:
    tailer.start()
    slow, quick = Listener(tailer, capacity=2), Listener(tailer)
    _tell(database, "a", "b", "c")

    assert quick.heard(3) == ["a", "b", "c"]
    assert slow.subscription.overflowed
    assert slow.subscription.take() == []
    _tell(database, "d")
    quick.heard(4)
    assert slow.subscription.take() == [], "half of the story is worse than none"


def test_too_long_away_says_reload_at_once(database: Database, tailer: Tailer) -> None:
    _tell(database, *(str(n) for n in range(10)))
    tailer.start()
    back = Listener(tailer, after=0, capacity=5)

    assert back.subscription.overflowed
    assert back.ready.is_set()


def test_missed_and_new_events_come_in_order_however_busy_the_log_is(database: Database, tailer: Tailer) -> None:
    _tell(database, "first")
    tailer.start()
    stop = Signal()

    def busy() -> None:
        number = 0
        while not stop.is_set() and number < 60:
            _tell(database, str(number))
            tailer.wake()
            number += 1

    writer = Thread(target=busy)
    writer.start()
    listeners: list[Listener] = []
    while writer.is_alive() and len(listeners) < 40:
        listeners.append(Listener(tailer, after=0))
        sleep(0.002)
    stop.set()
    writer.join(30)
    _tell(database, "last")
    tailer.wake()

    for listener in listeners:
        _until(lambda heard=listener: "last" in heard.heard(len(heard.texts) + 1, 0.1))  # type: ignore[misc]
        assert listener.positions == list(range(1, len(listener.positions) + 1))


def test_a_listener_who_left_is_fed_no_more(database: Database, tailer: Tailer) -> None:
    tailer.start()
    gone, here = Listener(tailer), Listener(tailer)
    tailer.unsubscribe(gone.subscription)
    tailer.unsubscribe(gone.subscription)
    _tell(database, "a")

    assert here.heard(1) == ["a"]
    assert gone.subscription.take() == []
    assert tailer.listeners == 1


def test_waiting_listeners_hold_no_database_session(database: Database, tailer: Tailer) -> None:
    tailer.start()
    listeners = [Listener(tailer, after=0) for _ in range(50)]
    _tell(database, "a")
    assert listeners[-1].heard(1) == ["a"]

    _until(lambda: database.engine.pool.checkedout() == 0)  # type: ignore[attr-defined]
    assert database.engine.pool.checkedout() <= 1  # type: ignore[attr-defined]
    assert tailer.listeners == 50


def _until(holds: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline_s = monotonic() + timeout_s
    while not holds() and monotonic() < deadline_s:
        sleep(0.005)
