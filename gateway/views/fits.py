"""Who could take a visit, lane by lane: what the board says while the visit is still in the hand.

Three answers, each in words: it fits (*ok*), it fits with something to know (*warn*), it cannot be (*stop*). They order
nothing and say nothing about a person; they say what happens to this visit.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gateway.views.breaches import breach_json
from gateway.wire import iso_or_none
from kernel.localtime import clock_text
from scheduling.reassignment.ranking import Proposal

#: a start this near the present one is the same start for the citizen, seconds
SAME_START_S = 300.0
#: so much later than the window is not worth a word, seconds
LATE_FROM_S = 60.0


def fits_json(ranked: Sequence[Proposal], start_at: datetime | None, language: str) -> dict[str, Any]:
    """The answer for every carer that was asked about, by carer id. ``start_at``: when the visit is planned now."""
    return {"fits": {p.carer_id: _fit(p, start_at, language) for p in ranked}}


def _fit(p: Proposal, start_at: datetime | None, language: str) -> dict[str, Any]:
    if not p.possible:
        return {"fit": "stop", "words": breach_json(p.hard[0], language)["title"], "start_at": None, "extra_min": None}
    da = language == "da"
    extra_min = round(p.extra_travel_s / 60)
    said = []
    if (
        p.starts_at is not None
        and start_at is not None
        and abs((p.starts_at - start_at).total_seconds()) > SAME_START_S
    ):
        said.append(f"kl. {clock_text(p.starts_at)}" if da else f"at {clock_text(p.starts_at)}")
    if p.late_s > LATE_FROM_S:
        late_min = round(p.late_s / 60)
        said.append(f"{late_min} min efter tidsrummet" if da else f"{late_min} min after the window")
    sign = "\N{MINUS SIGN}" if extra_min < 0 else "+"
    return {
        "fit": "warn" if said else "ok",
        "words": " · ".join([*said, f"{sign}{abs(extra_min)}\N{NO-BREAK SPACE}min"]),
        "start_at": iso_or_none(p.starts_at),
        "extra_min": extra_min,
    }
