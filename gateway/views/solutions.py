"""Solutions for what happened as the planner reads them: what is done, for and against, and what it costs.

Solutions are ranked, people never are. Every figure comes from the one cost function (``scheduling.cost``).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, select

from gateway.usecases.situations import Found
from gateway.views.board import reason_text, shorts
from gateway.wire import iso
from kernel.localtime import clock_text
from scheduling import day_store
from scheduling.reassignment.solution import Solution
from scheduling.register.tables import CarerRow
from scheduling.tables import VisitRow

SHOWN = 6
_NOTABLE_S = 60.0

_TITLES: Mapping[str, tuple[str, str]] = {
    "split": ("Fordel på {carers}", "Split among {carers}"),
    "searched": ("Fordel på {carers}, søgt igennem", "Split among {carers}, searched through"),
    "substitute": ("{name} kaldes ind", "Call in {name}"),
    "wait": ("Vent. Ruten køres videre som den er", "Wait. The route goes on as it is"),
    "hand_over": ("Giv {visits} videre", "Hand over {visits}"),
    "try_later": ("{name} prøver igen kl. {clock}", "{name} tries again at {clock}"),
    "other_later": ("{name} kommer kl. {clock}", "{name} comes at {clock}"),
    "take_off": ("Tag besøget af i dag", "Take the visit off today"),
    "insert": ("{name} kan være der kl. {clock}", "{name} can be there at {clock}"),
    "swap": ("Byt borger {short} med {name}", "Swap citizen {short} with {name}"),
    "lend": ("{name} kommer kl. {clock}", "{name} comes at {clock}"),
    "change_mode": ("{name} kl. {clock}", "{name} at {clock}"),
    "fall_away": ("Besøgene falder væk", "The visits fall away"),
    "fill": (
        "Besøgene falder væk, og {visits} får den fri tid",
        "The visits fall away, and {visits} get the free time",
    ),
    "give_back": ("Til dem, der havde dem, så vidt de kan", "To those who had them, as far as they can"),
    "place": ("Til {carers}, så det koster mindst", "To {carers}, so that it costs least"),
    "leave_waiting": ("Lad besøgene vente på en plan", "Let the visits wait for a plan"),
}


def solutions_json(session: Session, found: Found, solutions: list[Solution], language: str) -> dict[str, Any]:
    """The best solutions with all that is needed to carry one out."""
    shown = solutions[:SHOWN]
    numbers = _numbers(session, found)
    names = _names(session, shown)
    routes = {r.carer_id: r for r in day_store.routes_of(session, found.event.on)}
    words = _Words(found, numbers, names, language)
    answers = []
    for one in shown:
        versions = {}
        for changed in one.routes:
            row = routes.get(changed.carer_id)
            route_id = row.id if row else f"{found.event.on.isoformat()}.{changed.carer_id}"
            versions[route_id] = row.version if row else 0
        answers.append(words.solution(one) | {"versions": [{"route_id": r, "version": v} for r, v in versions.items()]})
    return {
        "event": found.event.kind,
        "on_the_way": [{"visit_id": v, "carer_id": c} for v, c in sorted(found.at.on_the_way.items())],
        "proposals": answers,
    }


class _Words:
    """A solution in the words of one language."""

    def __init__(self, found: Found, numbers: Mapping[str, str], names: Mapping[str, str], language: str) -> None:
        self._found = found
        self._short = numbers
        self._names = names
        self._da = language == "da"
        self._language = language

    def solution(self, one: Solution) -> dict[str, Any]:
        count = Counter(h.to_carer_id for h in one.handed)
        called_in = one.id.partition(":")[2] if one.kind == "substitute" else None
        gone = self._found.event.carer_id if self._found.event.kind == "carer_away" else None
        return {
            "id": one.id,
            "kind": one.kind,
            "title": self._title(one, len(count)),
            "takes": [
                {"carer_id": c, "name": self._names.get(c, "?"), "visits": n}
                for c, n in sorted(count.items(), key=lambda item: (self._names.get(item[0], "?"), item[0]))
            ],
            "moves": [
                {
                    "visit_id": h.visit_id,
                    "short": self._short.get(h.visit_id, "?"),
                    "from_carer_id": h.from_carer_id,
                    "to_carer_id": h.to_carer_id,
                    "to_name": self._names.get(h.to_carer_id, "?"),
                    "start_at": iso(h.starts_at),
                    "shifted_min": round(h.shifted_s / 60),
                }
                for h in one.handed
            ],
            "left_over": [
                {
                    "visit_id": u.visit_id,
                    "short": self._short.get(u.visit_id, "?"),
                    "reason": reason_text(u.reason, self._language),
                }
                for u in one.left_over
            ],
            "gone": self._gone(),
            "waiting": len(one.handed) + len(one.left_over),
            "shifted": len(one.shifted),
            "pros": self._pros(one),
            "cons": self._cons(one),
            "extra_min": round(one.extra_travel_s / 60),
            "cost_min": round(one.price_min, 1),
            "change_price_min": round(one.change_price_min, 1),
            "substitute_id": called_in,
            "routes": {r.carer_id: [s.visit_id for s in r.stops] for r in one.routes if r.carer_id != gone or r.stops},
        }

    def _title(self, one: Solution, carers: int) -> str:
        first = self._first(one)
        name = self._names.get(first[0], "?") if first else "?"
        many = len(one.handed)
        visits = f"{many} besøg" if self._da else f"{many} visit{'s' if many != 1 else ''}"
        if self._da:
            colleagues = f"{carers} kolleger" if carers != 1 else "1 kollega"
        else:
            colleagues = f"{carers} colleagues" if carers != 1 else "1 colleague"
        text = _TITLES[one.kind][0 if self._da else 1]
        return text.format(
            name=name, carers=colleagues, visits=visits, short=self._theirs(one), clock=first[1] if first else "?"
        )

    def _gone(self) -> list[dict[str, Any]]:
        """What falls away today, and from whom: of a citizen who is not at home."""
        found = self._found
        if found.event.kind != "citizen_away" or found.citizen is None:
            return []
        told = found.at.told
        starts = {s.visit_id: s.starts_at for r in told.routes for s in r.stops}
        gone = [(starts.get(v) or found.rows[v].window_open_at, v) for v in found.citizen.visits]
        return [
            {
                "visit_id": v,
                "short": self._short.get(v, "?"),
                "start_at": iso(at),
                "name": self._names.get(told.carer_of[v], "?") if v in told.carer_of else None,
            }
            for at, v in sorted(gone)
        ]

    def _theirs(self, one: Solution) -> str:
        """The number of the citizen a swap brings."""
        return self._short.get(one.id.partition(":")[2], "?")

    def _first(self, one: Solution) -> tuple[str, str] | None:
        """Who the solution is mostly about, and when she begins the visit in question."""
        about = self._found.event.visit_id or self._found.event.new_visit_id
        mine = self._found.event.carer_id or self._found.at.told.carer_of.get(about)  # type: ignore[call-overload]
        if one.kind == "substitute":
            return (one.id.partition(":")[2], "")
        if one.kind == "swap":
            taker = next((h.to_carer_id for h in one.handed if h.visit_id == about), None)
            return (taker or str(mine), "")
        for route in one.plan.routes:
            for stop in route.stops:
                if stop.visit_id == about:
                    return (route.carer_id, clock_text(stop.starts_at))
        return None

    def _pros(self, one: Solution) -> list[str]:
        found = []
        if not one.left_over and self._found.event.kind != "citizen_away":
            found.append("Alle besøg bliver dækket" if self._da else "Every visit is covered")
        if not one.shifted:
            found.append("Ingen andre besøg flytter sig" if self._da else "No other visit shifts")
        if one.late_s < _NOTABLE_S:
            found.append("Inden for borgernes tidsrum" if self._da else "Within the citizens' windows")
        elif one.late_s < one.late_before_s - _NOTABLE_S:
            less = round((one.late_before_s - one.late_s) / 60)
            found.append(f"{less} min mindre ventetid for borgerne" if self._da else f"{less} min less waiting")
        if not one.handed:
            found.append("Ingen borger får en anden medarbejder" if self._da else "Nobody gets another carer")
        return found

    def _cons(self, one: Solution) -> list[str]:
        found = []
        if one.left_over:
            n = len(one.left_over)
            found.append(f"{n} besøg bliver ikke fordelt" if self._da else f"{n} visits are left unallocated")
        if one.shifted:
            n = len(one.shifted)
            many_da, many = ("andre besøg", "other visits shift") if n > 1 else ("andet besøg", "other visit shifts")
            found.append(f"{n} {many_da} flytter sig mere end 10 min" if self._da else f"{n} {many} over 10 min")
        if one.late_s >= _NOTABLE_S:
            late = round(one.late_s / 60)
            found.append(f"I alt {late} min efter tidsrummet" if self._da else f"{late} min after the windows in all")
        later = self._found.citizen.later_count if self._found.citizen is not None else 0
        if later and self._found.event.kind == "citizen_away":
            found.append(
                f"{later} besøg de næste dage falder også væk" if self._da else f"{later} later visits fall away too"
            )
        elif later:
            found.append(
                f"{later} besøg de næste dage venter på en plan"
                if self._da
                else f"{later} later visits wait for a plan"
            )
        if one.extra_travel_s >= _NOTABLE_S:
            extra = round(one.extra_travel_s / 60)
            found.append(f"{extra} min mere på vejen" if self._da else f"{extra} min more on the road")
        return found


def _numbers(session: Session, found: Found) -> dict[str, str]:
    rows: list[VisitRow] = list(found.rows.values())
    numbers = shorts(session, rows)
    return {v.id: str(numbers.get(v.citizen_id, "?")) for v in rows}


def _names(session: Session, solutions: list[Solution]) -> dict[str, str]:
    wanted = {c.id for one in solutions for c in one.day.carers}
    rows = session.exec(select(CarerRow).where(col(CarerRow.id).in_(sorted(wanted)))).all()
    return {r.id: r.name for r in rows}
