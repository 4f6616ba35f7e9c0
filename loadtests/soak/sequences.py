"""Runs the crash model's state machine so many times, and counts what happened in it."""

from collections import Counter
from typing import ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from loadtests.soak.machine import CrashModel

_CHECKS = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def run_sequences(sequences: int, steps: int, *, floods: bool = False, of_seed: int | None = None) -> Counter[str]:
    """Run so many sequences of at most so many steps; the same every time, others for another seed.

    Returns
    -------
    Counter
        Openings, events, and the steps processes ended at: a model in which nothing happens keeps every promise.

    Raises
    ------
    BrokenPromiseError
        With the shortest sequence that breaks a promise.
    """
    counts: Counter[str] = Counter()
    counted = type("Counted", (_Counted,), {"floods": floods, "counts": counts})
    run_machine(counted if of_seed is None else seed(of_seed)(counted), sequences, steps)
    return counts


def run_machine(machine: type[CrashModel], sequences: int, steps: int, *, shrink: bool = True) -> None:
    """Run a machine; what it finds is shrunk where asked."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            phases=phases,
            suppress_health_check=_CHECKS,
        ),
    )


class _Counted(CrashModel):
    counts: ClassVar[Counter[str]]

    def teardown(self) -> None:
        """As always, and counted."""
        super().teardown()
        self.counts["openings"] += self.street.oracle.openings
        self.counts["events"] += sum(len(ledger.events) for ledger in self.street.oracle.ledgers.values())
        self.counts.update(f"ingest died {where}" for where in self.street.deaths)
        self.counts.update(f"gateway died {where}" for where in self.doors.deaths)
