"""The bell rings for what was committed and for what can be read, and wakes only those who wait for that."""

from gateway.bell import Bell, Ring


def test_each_ring_wakes_those_who_wait_for_it() -> None:
    bell, heard = Bell(""), list[str]()
    bell.on_ring(lambda: heard.append("sequencer"), Ring.WRITTEN)
    bell.on_ring(lambda: heard.append("tailer"), Ring.READABLE)
    bell.on_ring(lambda: heard.append("anybody"))
    bell.ring()
    assert heard == ["sequencer", "anybody"]
    heard.clear()
    bell.ring_readable()
    assert heard == ["tailer", "anybody"]
    bell.stop()
