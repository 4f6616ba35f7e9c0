"""Who is visited by screen, when, by whom, and how such a call goes. Every purpose draws from its own stream.

The figures (how long, how often nobody answers) are assumptions of the simulation (domain facts: 7 minutes, spread
3, one minute to set up, 5 % need a physical follow-up); the ledger has to find out from the events.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from video.events import CallOutcome

SKILL = "screen"
#: services that a screen can do, and how long the physical visit may be
SHORT_SERVICES = frozenset({"medicine", "supervision"})
SHORTEST_MIN, LONGEST_MIN = 8.0, 15.0
#: minutes a screen visit is planned with: seven to talk, one to set up
PLANNED_MIN = 8.0
TALK_MIN, TALK_SPREAD_MIN, LEAST_TALK_MIN = 7.0, 3.0, 2.0
#: weekdays of a week on which a citizen's short visit is by screen
FEWEST_DAYS, MOST_DAYS = 2, 4
UNANSWERED_RATIO = 0.04
#: of those rung a second time
UNANSWERED_AGAIN_RATIO = 0.25
TECHNICAL_RATIO = 0.01
NEEDS_PHYSICAL_RATIO = 0.05
AUDIO_ONLY_RATIO = 0.03
TELEPHONE_RATIO = 0.01
#: from the ring to the answer
ANSWER_S = (4.0, 30.0)

AnsweredBy = Literal["link", "kiosk"]
#: outcomes after which somebody has to come the same day
FOLLOWED_UP: frozenset[CallOutcome] = frozenset({"converted_physical", "no_answer", "technical_failure"})


@dataclass(frozen=True, slots=True)
class ScreenSize:
    """How many citizens are visited by screen, how many of them at a kiosk, and how many carers visit them."""

    citizens: int = 0
    kiosks: int = 0
    carers: int = 0


@dataclass(frozen=True, slots=True)
class LivedCall:
    """A screen visit as it goes.

    ``attempts`` is how often the citizen was rung, ``answer_s`` how long the answered ring took and ``talk_s`` how
    long they talked; both are 0 where nobody answered.
    """

    attempts: int
    outcome: CallOutcome
    answer_s: int
    talk_s: int
    setup_ms: int
    windows: int
    good_windows: int

    @property
    def answered(self) -> bool:
        """Whether the citizen came to the screen."""
        return self.talk_s > 0


def choose_citizens(random: Random, wishes: Sequence[tuple[int, int, str, float]], count: int) -> tuple[int, ...]:
    """Draw the citizens with screen visits among those with a short visit every weekday, evenly over the units.

    Parameters
    ----------
    wishes
        Unit index, citizen, service and minutes of every weekday visit.
    """
    by_unit: dict[int, list[int]] = {}
    for unit, citizen, service, minutes in wishes:
        if service in SHORT_SERVICES and SHORTEST_MIN <= minutes <= LONGEST_MIN:
            by_unit.setdefault(unit, []).append(citizen)
    for citizens in by_unit.values():
        random.shuffle(citizens)
    in_turn: list[int] = []
    for place in range(max((len(c) for c in by_unit.values()), default=0)):
        in_turn += [c[place] for _, c in sorted(by_unit.items()) if place < len(c)]
    return tuple(dict.fromkeys(in_turn))[:count]


def weekdays_of(random: Random) -> frozenset[int]:
    """The weekdays (0 is Monday) on which a citizen's short visit is by screen."""
    return frozenset(random.sample(range(5), random.randint(FEWEST_DAYS, MOST_DAYS)))


def screen_slots(slots: Sequence[tuple[int, int]], carers: int, turns: int) -> frozenset[tuple[int, int]]:
    """Places of the rota whose carers all do screen visits, spread evenly.

    Parameters
    ----------
    carers
        How many carers do screen visits.
    turns
        How many carers take turns in a place.
    """
    wanted = min(len(slots), round(carers / turns)) if turns else 0
    return frozenset(slots[place * len(slots) // wanted] for place in range(wanted))


def live_call(random: Random) -> LivedCall:
    """How one screen visit goes, from the stream of this citizen and day."""
    attempts = 1
    # Every draw is made whatever happens, so that another ratio here changes no other figure of the call.
    unanswered, again = random.random() < UNANSWERED_RATIO, random.random() < UNANSWERED_AGAIN_RATIO
    kind, talk_min = random.random(), max(LEAST_TALK_MIN, random.gauss(TALK_MIN, TALK_SPREAD_MIN))
    answer_s, setup_ms = round(random.uniform(*ANSWER_S)), round(random.lognormvariate(6.6, 0.35))
    good_ratio = min(1.0, max(0.0, random.gauss(0.96, 0.06)))
    if unanswered:
        attempts = 2
        if again:
            return LivedCall(2, "no_answer", 0, 0, 0, 0, 0)
    outcome = _answered_outcome(kind)
    if outcome == "technical_failure":
        return LivedCall(attempts, outcome, answer_s, 20, 0, 0, 0)
    talk_s = round(talk_min * 60)
    windows = talk_s // 5
    return LivedCall(attempts, outcome, answer_s, talk_s, setup_ms, windows, round(windows * good_ratio))


def _answered_outcome(draw: float) -> CallOutcome:
    for outcome, ratio in _RATIOS:
        draw -= ratio
        if draw < 0:
            return outcome
    return "completed"


_RATIOS: tuple[tuple[CallOutcome, float], ...] = (
    ("technical_failure", TECHNICAL_RATIO),
    ("converted_physical", NEEDS_PHYSICAL_RATIO),
    ("converted_phone", TELEPHONE_RATIO),
    ("completed_audio", AUDIO_ONLY_RATIO),
)
