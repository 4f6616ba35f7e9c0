"""``python -m loadtests.soak all|model|kill|fuzz|wire``: faults at length; ends with 1 if a promise was broken.

python -m loadtests.soak model --sequences 1000
python -m loadtests.soak kill --rounds 50
python -m loadtests.soak fuzz --messages 100000
python -m loadtests.soak wire --messages 1000

The crash model runs in blocks of a hundred sequences, a seed each, and the fuzz reader by reader: what was cut short is
taken up again with ``--seed`` of the next block, or with ``--only`` the readers that are left.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import structlog

from gateway.runtime import Duties, Runtime
from gateway.settings import DatabaseSettings, Settings
from kernel.clock import SimulatedWorldClock
from loadtests.parts import throw_away_parts
from loadtests.soak.fuzz import Fuzzed, fuzz_a_lock, fuzz_readers
from loadtests.soak.fuzz_wire import fuzz_over_the_broker
from loadtests.soak.kills import run_kills
from loadtests.soak.readers import NOW_AT, readers

_BLOCK = 100
#: of addresses; the readers need a tenth
_MEMORY_BYTES = 2 * 1024**3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["all", "model", "kill", "fuzz", "wire"])
    parser.add_argument("--sequences", type=int, default=1_000, help="of faults, in the crash model")
    parser.add_argument("--steps", type=int, default=40, help="in each of them, at most")
    parser.add_argument("--rounds", type=int, default=50, help="each: gateway, ingest and broker killed once")
    parser.add_argument("--messages", type=int, default=100_000, help="per type; over the broker a hundredth")
    parser.add_argument("--seed", type=int, default=1, help="of the first block, of the kills and of the fuzz")
    parser.add_argument("--only", nargs="*", help="readers to fuzz, by name, and 'lock'; all where absent")
    chosen = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    runs: dict[str, Callable[[], bool]] = {
        "model": lambda: _model(chosen.sequences, chosen.steps, chosen.seed),
        "kill": lambda: _kills(chosen.rounds, chosen.seed),
        "fuzz": lambda: _fuzz(chosen.messages, chosen.seed, chosen.only),
        "wire": lambda: _wire(max(1_000, chosen.messages // 100), chosen.seed),
    }
    held = True
    for name, run in runs.items():
        if chosen.what in ("all", name):
            began_s = time.monotonic()
            held &= run()
            print(f"{name}: {time.monotonic() - began_s:.0f} s", flush=True)
    print("every promise held" if held else "A PROMISE WAS BROKEN")
    return 0 if held else 1


def _model(sequences: int, steps: int, first_seed: int) -> bool:
    from loadtests.soak.sequences import run_sequences  # noqa: PLC0415 - hypothesis is a tool of development

    total, done = Counter[str](), 0
    for seed in count(first_seed):
        block = min(_BLOCK, sequences - done)
        if not block:
            break
        total += run_sequences(block, steps, floods=True, of_seed=seed)
        done += block
        happened = ", ".join(f"{times} {what}" for what, times in sorted(total.items()))
        print(f"model: seeds {first_seed} to {seed}, {done} sequences, {happened}", flush=True)
    return True


def _kills(rounds: int, seed: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="omsorgstid-kill-") as name:
        found = run_kills(Path(name), rounds, seed, tell=lambda line: print(f"kill: {line}", flush=True))
    print(f"kill: {found}")
    return found.held


def _fuzz(messages: int, seed: int, only: Sequence[str] | None) -> bool:
    held = True
    with _bounded_memory():
        for name in sorted(readers()) if only is None else only:
            for found in fuzz_readers(messages, seed, [name]):
                held &= not found.broke
                print(_line(found), flush=True)
        if only is None or "lock" in only:
            found = fuzz_a_lock(messages, seed)
            held &= not found.broke
            print(_line(found), flush=True)
    return held


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """A message that fills the memory of whoever reads it is found as an error, and not by the machine going down."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _line(found: Fuzzed) -> str:
    broke = (
        "" if not found.broke else f", BROKE ON {len(found.broke)}: {found.broke[0][1]} {found.broke[0][0][:60].hex()}"
    )
    return (
        f"fuzz: {found.name}: {found.messages} messages, {found.accepted} taken, {found.refused.total()} refused{broke}"
    )


def _wire(messages: int, seed: int) -> bool:
    with (
        tempfile.TemporaryDirectory(prefix="omsorgstid-fuzz-") as name,
        throw_away_parts(Path(name) / "parts") as parts,
    ):
        settings = Settings(work_dir=Path(name), demo=True, database=DatabaseSettings(url=parts.database_url))
        duties = Duties(web=False, work=False, signer=False)
        runtime = Runtime(settings, duties, clock=SimulatedWorldClock(NOW_AT))
        runtime.start()
        try:
            found = fuzz_over_the_broker(runtime, messages, seed)
        finally:
            runtime.stop()
    print(f"wire: {found.sent} sent, {found.outcomes}, {len(found.missing)} missing, our faults: {found.not_accepted}")
    return not found.missing and not found.not_accepted and found.settled == found.sent


if __name__ == "__main__":
    sys.exit(main())
