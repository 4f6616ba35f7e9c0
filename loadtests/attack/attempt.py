"""What an attack is, and how it is judged: by the bolt and the lock's own signed word, never by what a server says."""

from collections.abc import Callable
from dataclasses import dataclass, field

from devices.keys.answer import Answer
from devices.keys.model import Bolt, LockResult
from gateway.demo.http_client import RefusedError
from loadtests.attack.knock import BesideTheLock
from loadtests.attack.stage import Stage, Target

NOTHING = "none: refused at once"


@dataclass(frozen=True)
class Held:
    """Whether a defence held, and what was answered."""

    ok: bool
    said: str

    def __and__(self, other: "Held") -> "Held":
        """Both have to hold; where one does not, only that is said. What was said before is not said again."""
        if self.ok is not other.ok:
            return other if self.ok else self
        said = [part for part in self.said.split("; ") if part]
        said += [part for part in other.said.split("; ") if part and part not in said]
        return Held(self.ok, "; ".join(said))


@dataclass
class Tried:
    """How an attack went: over broker and HTTP, and beside the lock after a tablet brought it the server's lists.

    ``bound``: how long it works where neither reaches the lock. ``later`` is tried once every window is over: it
    shows that the bound holds.
    """

    online: Held
    ferried: Held
    bound: str = NOTHING
    later: list[Callable[[Stage], Held]] = field(default_factory=list)


@dataclass(frozen=True)
class Attack:
    """One named attack."""

    name: str
    run: Callable[[Stage], Tried]


def shut(stage: Stage, lock_id: str, answer: Answer | None) -> Held:
    """The door stayed shut, and the lock did not say otherwise."""
    bolt = stage.locks[lock_id].bolt
    moved = bolt is not Bolt.LOCKED or (answer is not None and answer.result is LockResult.OPENED)
    if moved:
        return Held(False, "THE DOOR OPENED")
    if answer is None:
        return Held(True, "silence")
    return Held(True, f"{answer.result.value} {answer.code or ''}".strip())


def let_in(stage: Stage, target: Target, answer: Answer | None) -> bool:
    """Whether a door opened, where an attack has to begin with that."""
    return (
        answer is not None and answer.result is LockResult.OPENED and stage.locks[target.lock_id].bolt is Bolt.UNLOCKED
    )


def bring_lists(stage: Stage, beside: BesideTheLock) -> None:
    """Any tablet brings a lock what the server last said to it: revocations, settings, trust list."""
    for name in ("trust", "cfg", "crl"):
        said = stage.tap.heard_down(beside.lock_id, name)
        if said:
            beside.tell(name, said[-1])


def refused(call: Callable[[], object], *codes: str) -> Held:
    """Something asked over HTTP is refused, with one of these codes where any are given."""
    try:
        answer = call()
    except RefusedError as error:
        return Held(error.code in codes or not codes, f"{error.status} {error.code}")
    return Held(False, f"ANSWERED {str(answer)[:60]}")
