"""Every code that can stand on a manager's page has words in both languages."""

from typing import get_args

from devices import events as device_events
from gateway.pages.manager_choice import PERIODS
from gateway.pages.manager_walk import INPUTS
from gateway.web.catalogue import catalogue
from metrics.adoption_funnel import STEPS
from metrics.estimate import Grade
from metrics.judgement import EvidenceClass, Outcome, Reason
from metrics.screen_weeks_ledger import ScreenWeeks
from metrics.targets import READINGS
from metrics.technologies import OCCASION_KINDS, WATERFALL, Clock
from metrics.transfer_days_ledger import TransferDays
from scheduling import events as visit_events
from video.events import CallOutcome

#: what the ledgers keep as evidence of an entry
EVIDENCE = {
    *ScreenWeeks.folded,
    *TransferDays.folded,
    *(
        kind.event_type
        for kind in (
            visit_events.ShiftStarted,
            visit_events.ShiftEnded,
            visit_events.RoutePublished,
            visit_events.RouteDelivered,
            visit_events.VisitBegun,
            visit_events.VisitEnded,
            device_events.OpeningSettled,
            device_events.DoorOpened,
        )
    ),
}


def missing(*keys: str) -> list[str]:
    return sorted(f"manager.{key}" for key in keys if f"manager.{key}" not in catalogue().keys())  # noqa: SIM118


def test_reasons_outcomes_and_clocks_have_words() -> None:
    reasons = [f"reason.{code}" for code in (*get_args(Reason), *get_args(Outcome))]
    outcomes = [f"outcome.{code}" for code in (*get_args(visit_events.Outcome), *get_args(CallOutcome))]
    clocks = [f"clock.{clock}" for clock in get_args(Clock)]
    grades = [f"evidence.{grade}" for grade in get_args(Grade)]
    assert missing(*reasons, *outcomes, *clocks, *grades) == []


def test_every_event_an_entry_rests_on_has_words_for_itself_and_its_facts() -> None:
    kinds = [f"event.{kind}" for kind in EVIDENCE]
    facts = [
        *(f"place.{place}" for place in get_args(visit_events.Place)),
        *(f"source.{source}" for source in get_args(visit_events.Source)),
        *(f"opening.{state}" for state in get_args(device_events.OpeningState)),
        *(f"device.{kind}" for kind in get_args(device_events.TransferDevice)),
        *(f"presence.{evidence}" for evidence in get_args(device_events.PresenceEvidence)),
    ]
    assert missing(*kinds, *facts) == []


def test_what_is_counted_and_how_has_words_for_every_technology() -> None:
    kinds = set(OCCASION_KINDS.values())
    of_kind = [
        f"{prefix}.{kind}"
        for kind in kinds
        for prefix in ("occasions", "uncounted", "cause.size", "unsettled", "entry.heading")
    ]
    of_kind += [f"class.{kind}.{known}" for kind in kinds for known in get_args(EvidenceClass)]
    of_technology = [f"{prefix}.{t}" for t in WATERFALL for prefix in ("subjects", "look", "fall")]
    of_technology += [f"failed.{t}" for t in ("keys", "screen", "transfers")]
    of_technology += [f"lost.{t}" for t in ("keys", "screen", "transfers")]
    inputs = [f"input.{name}" for names in INPUTS.values() for name in names]
    choices = [*(f"period.{p}" for p in PERIODS), *(f"reading.{r}" for r in READINGS), *(f"step.{s}" for s in STEPS)]
    assert missing(*of_kind, *of_technology, *inputs, *choices) == []
