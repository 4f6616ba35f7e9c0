"""Why a visit is with a carer, in plain sentences: for the planner with rules and cost, for the carer without."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from gateway.usecases.why import Instead, Why
from gateway.views.breaches import breach_json
from gateway.views.reasons import reason_words
from scheduling.explanation import Reason
from scheduling.register.tables import CarerRow
from scheduling.rules import Breach, Weight

#: (da, en) for the planner, by the code of the fact
_PLANNER: Mapping[str, tuple[str, str]] = {
    "begun": ("Besøget er i gang, så det bliver, hvor det er.", "The visit has begun, so it stays where it is."),
    "pinned_to_carer": ("Besøget er låst til medarbejderen.", "The visit is pinned to the carer."),
    "pinned_to_start": ("Tiden er låst.", "The time is pinned."),
    "able_carers": (
        "{able_count} af {carer_count} på vagt må og kan tage besøget.",
        "{able_count} of {carer_count} on duty may and can take the visit.",
    ),
    "regular_carer": ("Medarbejderen kommer fast hos borgeren.", "The carer is a regular one of the citizen."),
    "not_a_regular_carer": (
        "Borgeren har {regular_count} faste medarbejdere, men ingen af dem fik besøget her.",
        "The citizen has {regular_count} regular carers, but none of them got the visit here.",
    ),
    "no_travel_by_screen": ("Skærmbesøg kræver ingen vej.", "A screen visit needs no travel."),
    "same_citizen_before": ("Medarbejderen er allerede hos borgeren.", "The carer is at the citizen already."),
    "travel_from_previous": (
        "Der er {travel_min} min vej fra besøget før.",
        "It is {travel_min} min from the visit before.",
    ),
    "first_of_shift": ("Det er vagtens første besøg.", "It is the first visit of the shift."),
    "starts_late": ("Det starter {late_min} min efter tidsrummet.", "It starts {late_min} min after the window."),
    "starts_in_window": ("Det ligger i borgerens tidsrum.", "It lies in the citizen's window."),
    "double_visit_together": ("Der skal to til på samme tid.", "It takes two at the same time."),
    "double_visit_in_sequence": (
        "Der skal to til, den ene efter den anden.",
        "It takes two, one after the other.",
    ),
    "unallocated": ("Ingen har besøget endnu.", "Nobody has the visit yet."),
}
#: the same facts to the carer herself; facts without a sentence here are not hers to weigh
_CARER: Mapping[str, tuple[str, str]] = {
    "pinned_to_carer": ("Besøget er aftalt med dig.", "The visit was agreed with you."),
    "regular_carer": ("Du kommer fast hos borgeren.", "You are one of the citizen's regular carers."),
    "no_travel_by_screen": (
        "Det er et skærmbesøg, så du behøver ikke køre.",
        "It is a screen visit, so you need not travel.",
    ),
    "same_citizen_before": ("Du er hos borgeren i forvejen.", "You are at the citizen already."),
    "travel_from_previous": (
        "Der er {travel_min} min vej fra dit besøg før.",
        "It is {travel_min} min from your visit before.",
    ),
    "first_of_shift": ("Det passer som dit første besøg.", "It suits as your first visit."),
    "starts_in_window": (
        "Du kan være der i borgerens tidsrum.",
        "You can be there in the citizen's window.",
    ),
    "double_visit_together": ("I er to om det på samme tid.", "There are two of you at the same time."),
    "double_visit_in_sequence": ("I er to om det efter hinanden.", "There are two of you, one after the other."),
}
_TERMS: Mapping[str, tuple[str, str]] = {
    "distance_min": ("vej", "travel"),
    "tardiness_min": ("ventetid for borgerne", "waiting of citizens"),
    "max_tardiness_min": ("den længste ventetid", "the longest wait"),
    "overrun_min": ("overtid", "overtime"),
    "unallocated_min": ("besøg uden medarbejder", "visits without a carer"),
    "not_regular_min": ("ikke borgerens faste medarbejder", "not the citizen's regular carer"),
    "uneven_min": ("skævt fordelt arbejde", "unevenly shared work"),
    "idle_min": ("huller i ruten", "gaps in the route"),
    "supplement_min": ("tillæg for aften, nat og helg", "supplements for evening, night and rest days"),
    "slack_min": ("luft før tidsrummet lukker", "slack before the window closes"),
}


def why_json(session: Session, found: Why, language: str) -> dict[str, Any]:
    """For the planner: the facts, who cannot and by which rule, and the comparison asked for."""
    others = [
        {"text": breach_json(Breach(code, Weight.HARD), language)["title"], "count": count}
        for code, count in sorted(found.explanation.others.items(), key=lambda o: (-o[1], o[0]))
    ]
    return {
        "visit_id": found.row.id,
        "carer_id": found.row.carer_id,
        "sentences": [*_given(found, language), *_sentences(found.explanation.reasons, _PLANNER, language)],
        "not_possible": others,
        "instead": _instead(session, found.instead, language) if found.instead is not None else None,
    }


def my_why_json(found: Why, language: str) -> dict[str, Any]:
    """For the carer: hvorfor har jeg fået dette besøg."""
    said = [*_given(found, language), *_sentences(found.explanation.reasons, _CARER, language)]
    if found.row.required_skills and not found.row.why:
        said.append(
            "Du har den kompetence, besøget kræver." if language == "da" else "You have the skill the visit needs."
        )
    return {"visit_id": found.row.id, "sentences": said}


def _given(found: Why, language: str) -> list[str]:
    if not found.row.why:
        return []
    words = reason_words(found.row.why, language)
    return [f"Planlæggeren ændrede ruten: {words}." if language == "da" else f"The planner changed the route: {words}."]


def _sentences(reasons: tuple[Reason, ...], texts: Mapping[str, tuple[str, str]], language: str) -> list[str]:
    pick = 0 if language == "da" else 1
    said = []
    for reason in reasons:
        if reason.code in texts:
            facts = {k: round(v) if isinstance(v, float) else v for k, v in reason.facts.items()}
            said.append(texts[reason.code][pick].format_map(facts))
    return said


def _instead(session: Session, instead: Instead, language: str) -> dict[str, Any]:
    da = language == "da"
    carer = session.get(CarerRow, instead.carer_id)
    name = carer.name if carer is not None else "?"
    breaches = [breach_json(b, language) for b in instead.forbidden]
    minutes = instead.cost_min
    if breaches:
        text = f"{name} kan ikke tage besøget." if da else f"{name} cannot take the visit."
    elif minutes > 0.05:
        text = f"Hos {name} ville dagen blive dyrere." if da else f"With {name} the day would cost more."
    else:
        text = f"{name} kunne lige så vel tage besøget." if da else f"{name} could take the visit just as well."
    parts = [
        {"text": _TERMS.get(code, (code, code))[0 if da else 1], "cost_min": round(price, 1)}
        for code, price in sorted(instead.parts.items(), key=lambda p: (-abs(p[1]), p[0]))
        if abs(price) >= 0.05
    ]
    return {
        "carer_id": instead.carer_id,
        "carer_name": name,
        "text": text,
        "breaches": breaches,
        "cost_min": round(minutes, 1),
        "parts": parts,
    }
