"""The attack suite against a running platform: everything is refused; and what is planted succeeds."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from devices.simulator.body import Outgoing
from devices.simulator.lock import BROKER, SimulatedLock
from loadtests.attack import forgeries, lists, replays
from loadtests.attack.run import ATTACKS, run_attacks, table

ROOT = Path(__file__).parents[2]


def test_every_named_attack_is_refused_and_the_command_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "loadtests.attack"], cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    head, *lines = done.stdout.splitlines()
    assert [cell.strip() for cell in head.split("|")] == ["attack", "online", "after ferry", "offline bound", "result"]
    found = {line.split("|")[0].strip(): line.split("|")[-1].strip() for line in lines if "|" in line}
    assert found == {attack.name: "refused" for attack in ATTACKS}


class Weak(SimulatedLock):
    """Takes any challenge for good, however often and by whomever it comes; hears of revocations and forgets them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._desk._challenges = _AnyChallenge(self._desk._challenges)

    def on_message(self, name: str, payload: bytes, source: str = BROKER) -> list[Outgoing]:
        """As always, and then as if no list had been sent."""
        out = super().on_message(name, payload, source)
        self.access.crl_version, self.access.epoch = 0, 0
        self.access.ctis, self.access.cnfs = frozenset(), frozenset()
        return out


class _AnyChallenge:
    def __init__(self, real: Any) -> None:
        self._real = real

    def redeem(self, _nonce: bytes, _request: bytes, _source: str) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_a_lock_built_without_its_checks_is_reported_as_broken_and_only_where_it_is() -> None:
    lines = run_attacks((*replays.ATTACKS, *lists.ATTACKS[:1], *forgeries.ATTACKS[:1]), Weak)

    assert {line.name for line in lines if not line.refused} == {
        "replay, same session",
        "replay, other session",
        "replay, after reboot",
        "one challenge used twice",
        "held message",
        "rolled-back revocation or epoch",
    }
    assert table(lines).count("SUCCEEDED") == 6
