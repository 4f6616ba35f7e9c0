"""Fuzz at the readers: every type of message, valid ones damaged and values nobody expects.

    python -m loadtests.soak fuzz --messages 100000

A reader returns or refuses with a domain error. Whatever else it raises is a message that could stop a process.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from devices.keys.model import Bolt
from devices.simulator.behaviour import FAULTLESS
from devices.simulator.lock import SimulatedLock
from kernel.clock import ManualLinkClock, SimulatedWorldClock
from kernel.errors import DomainError
from loadtests.soak.mutations import Mutator
from loadtests.soak.readers import ANYONE, LOCK, NOW_AT, Reader, readers

_TO_A_LOCK = ("challenge", "open", "ask", "ack", "crl", "cfg", "time")


@dataclass
class Fuzzed:
    """What became of the messages of one type."""

    name: str
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    broke: list[tuple[bytes, str]] = field(default_factory=list)
    """The message and the error, for each that came out of the reader as something else."""

    @property
    def messages(self) -> int:
        """How many there were."""
        return self.accepted + self.refused.total() + len(self.broke)


def fuzz_readers(messages: int, seed: int = 1, only: Iterable[str] | None = None) -> list[Fuzzed]:
    """Give every reader so many odd messages."""
    chosen = [reader for name, reader in readers().items() if only is None or name in set(only)]
    return [fuzz_reader(reader, messages, seed) for reader in chosen]


def fuzz_reader(reader: Reader, messages: int, seed: int = 1) -> Fuzzed:
    """Give one reader so many odd messages; the valid one it must take, before and after."""
    mutator, found = Mutator(seed), Fuzzed(reader.name)
    reader.read(reader.valid)
    for _ in range(messages):
        odd = reader.odd(mutator)
        try:
            reader.read(odd)
        except DomainError as refused:
            found.refused[refused.code] += 1
        except Exception as fault:  # noqa: BLE001 - that nothing else comes out is what is looked at
            found.broke.append((odd, f"{type(fault).__name__}: {fault}"[:200]))
        else:
            found.accepted += 1
    reader.read(reader.valid)
    return found


def fuzz_a_lock(messages: int, seed: int = 1) -> Fuzzed:
    """Give a lock so many odd messages of every kind; it answers or is silent, and its bolt never moves.

    Its server's key signs part of them: what is inside a good signature must not break it either.
    """
    link, world = ManualLinkClock(), SimulatedWorldClock(NOW_AT)
    lock = SimulatedLock(LOCK, ANYONE, world=world, link=link, behaviour=FAULTLESS, seed=seed)
    lock.power_on()
    mutator, found = Mutator(seed), Fuzzed("lock")
    known = readers()
    of_name = {name: known.get(f"dn/{name}") or known[name] for name in _TO_A_LOCK}
    for number in range(messages):
        name = _TO_A_LOCK[number % len(_TO_A_LOCK)]
        odd = of_name[name].odd(mutator)
        link.advance(1.0)
        try:
            answered = lock.on_message(name, odd)
        except Exception as fault:  # noqa: BLE001 - as above
            found.broke.append((odd, f"{name}: {type(fault).__name__}: {fault}"[:200]))
            continue
        if lock.bolt is not Bolt.LOCKED:
            found.broke.append((odd, f"{name}: the bolt moved"))
            break
        if answered:
            found.accepted += 1
        else:
            found.refused[name] += 1
    return found
