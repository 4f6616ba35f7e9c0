"""Messages nobody should send, at the readers and over a real broker: refused or kept, never a crash."""

import pytest

from loadtests.soak.fuzz import fuzz_a_lock, fuzz_reader
from loadtests.soak.readers import Reader, readers

MESSAGES = 2_000
READERS = readers()


@pytest.mark.parametrize("reader", READERS.values(), ids=list(READERS))
def test_whatever_comes_a_reader_takes_it_or_refuses_it_with_a_reason(reader: Reader) -> None:
    found = fuzz_reader(reader, MESSAGES)

    assert found.broke == []
    assert found.messages == MESSAGES


def test_whatever_a_lock_is_sent_it_neither_breaks_nor_opens() -> None:
    found = fuzz_a_lock(MESSAGES)

    assert found.broke == []
    assert found.messages == MESSAGES


def test_a_reader_that_breaks_on_one_message_in_many_is_found() -> None:
    def hasty(raw: bytes) -> object:
        return READERS["signer result"].read(raw) if raw[:1] != b"\xbf" else raw.decode("ascii")

    fragile = Reader("fragile", "cbor", READERS["signer result"].valid, hasty)

    assert fuzz_reader(fragile, MESSAGES).broke
