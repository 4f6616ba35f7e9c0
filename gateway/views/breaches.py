"""Broken rules in plain words: what, why, and what to do instead (ui guide §5.2)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from kernel.localtime import clock_text
from scheduling.rules import Breach

# code: (title da, en), (text da, en)
TEXTS: Mapping[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "daily_rest": (
        ("11 timers hvil brydes", "The 11-hour rest is broken"),
        (
            "Vagten slutter {ends} og den næste begynder {starts}. Det giver {rest}. "
            "Vælg en anden, eller angiv aftalens nummer.",
            "The shift ends {ends} and the next begins {starts}. That leaves {rest}. "
            "Choose somebody else or give the agreement's number.",
        ),
    ),
    "missing_skill": (
        ("Kompetencen mangler", "The skill is missing"),
        (
            "Besøget kræver {missing}. Vælg en, der kan det.",
            "The visit needs {missing}. Choose somebody who can.",
        ),
    ),
    "missing_competence": (
        ("Kompetencen er ikke gyldig", "The competence is not valid"),
        ("Besøget kræver {missing}. Vælg en anden.", "The visit needs {missing}. Choose somebody else."),
    ),
    "aid_not_approved": (
        ("Hjælpemidlet er ikke godkendt til én", "The aid is not approved for one carer"),
        (
            "{aid} hos borgeren {problem}. Sæt to medarbejdere på, eller få det i orden først.",
            "The {aid} at the citizen {problem}. Send two carers, or have it put right first.",
        ),
    ),
    "outside_shift": (
        ("Uden for vagten", "Outside the shift"),
        (
            "Besøget ville ligge {starts}–{ends}, vagten er {shift_starts}–{shift_ends}.",
            "The visit would be {starts}–{ends}, the shift is {shift_starts}–{shift_ends}.",
        ),
    ),
    "no_room_in_shift": (
        ("Der er ikke plads i vagten", "There is no room in the shift"),
        ("Vælg en anden, eller flyt tiden.", "Choose somebody else or change the time."),
    ),
    "other_unit": (
        ("Anden enhed", "Another unit"),
        ("Medarbejderen hører til et andet center.", "The carer belongs to another centre."),
    ),
    "unit_closed": (
        ("Enheden findes ikke den dag", "The unit does not exist on that day"),
        ("Flyt besøget til den enhed, der har overtaget.", "Move the visit to the unit that has taken over."),
    ),
    "no_key": (
        ("Nøglen mangler", "The key is missing"),
        (
            "Døren har ingen elektronisk lås. Vælg en, der har nøglen, eller en, der møder ind på basen.",
            "The door has no electronic lock. Choose somebody who has the key or whose shift begins at the base.",
        ),
    ),
    "break_too_late": (
        ("Pausen kommer for sent", "The break comes too late"),
        (
            "Pausen ville begynde {starts}, senest er {latest}. Flyt besøget før eller efter pausen.",
            "The break would begin {starts}, {latest} is the latest. Move the visit before or after it.",
        ),
    ),
    "no_break": (
        ("Vagten har ingen pause", "The shift has no break"),
        ("Vagten er på {shift}. Læg en pause ind.", "The shift lasts {shift}. Plan a break."),
    ),
    "norm_exceeded": (
        ("Over 37 timer", "Above 37 hours"),
        (
            "Normperioden kommer {beyond} over {norm} om ugen. Det bliver overarbejde.",
            "The norm period ends {beyond} above {norm} a week. It becomes overtime.",
        ),
    ),
    "citizen_wish": (
        ("Borgeren har ønsket en anden", "The citizen asked for somebody else"),
        ("Vælg en anden medarbejder.", "Choose another carer."),
    ),
    "before_window": (
        ("Før borgerens tidsrum", "Before the citizen's window"),
        (
            "Besøget ville starte {starts}. Borgeren er først klar {window_open}.",
            "The visit would start {starts}. The citizen is ready from {window_open}.",
        ),
    ),
    "late_start": (
        ("Efter borgerens tidsrum", "After the citizen's window"),
        ("Besøget ville starte {late} for sent.", "The visit would start {late} late."),
    ),
    "visit_begun": (
        ("Besøget er i gang", "The visit has begun"),
        ("Det, der er startet, flyttes ikke.", "What has begun is not moved."),
    ),
    "carer_pinned": (
        ("Besøget er låst til en medarbejder", "The visit is pinned to a carer"),
        (
            "Løs låsningen først, eller vælg den låste medarbejder.",
            "Unpin it first or choose the pinned carer.",
        ),
    ),
    "start_pinned": (
        ("Tiden er låst", "The time is pinned"),
        ("Besøget kan ikke starte på den låste tid her.", "The visit cannot start at its pinned time here."),
    ),
    "same_carer_twice": (
        ("To medarbejdere skal være to", "Two carers have to be two"),
        (
            "Den anden del af besøget har samme medarbejder.",
            "The other half of the visit has the same carer.",
        ),
    ),
    "double_visit_needs_second_carer": (
        ("Dobbeltbesøget mangler en medarbejder", "The double visit lacks a carer"),
        ("Fordel begge dele af besøget.", "Allocate both halves of the visit."),
    ),
    "cannot_reach": (
        ("Kan ikke nås", "Cannot be reached"),
        ("Vejen fra forrige besøg tager for lang tid.", "The way from the visit before takes too long."),
    ),
}
AID_WORDS: Mapping[str, tuple[str, str]] = {
    "lift": ("Loftliften", "ceiling lift"),
    "turning": ("Vendesystemet", "turning system"),
}
#: why an aid is not approved for one carer, to follow its name; ``due_on`` is the day its inspection was due
AID_PROBLEMS: Mapping[str, tuple[str, str]] = {
    "inspection_overdue": (
        "skulle have haft hovedeftersyn senest {due_on}",
        "should have had its main inspection by {due_on}",
    ),
    "inspection_failed": ("er ikke godkendt ved sidste hovedeftersyn", "failed its latest main inspection"),
    "fault_open": ("melder fejl, som ikke er rettet", "reports a fault that is not mended"),
}
_FALLBACK = (("En regel brydes ({code})", "A rule is broken ({code})"), ("Vælg en anden.", "Choose another."))


def breach_json(breach: Breach, language: str) -> dict[str, Any]:
    """A breach for the dialog."""
    pick = 0 if language == "da" else 1
    title, text = TEXTS.get(breach.code, _FALLBACK)
    facts = _shown(breach)
    if breach.code == "aid_not_approved":
        facts["aid"] = AID_WORDS[facts["kind"]][pick]
        if "due_on" in facts:
            facts["due_on"] = f"{date.fromisoformat(facts['due_on']):%d.%m.%Y}"
        facts["problem"] = AID_PROBLEMS[facts["problem"]][pick].format_map(facts)
    return {
        "code": breach.code,
        "title": title[pick].format_map(facts),
        "text": text[pick].format_map(facts),
    }


class _Words(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _shown(breach: Breach) -> _Words:
    words = _Words(code=breach.code)
    for name, value in breach.facts.items():
        if isinstance(value, datetime):
            words[name.removesuffix("_at")] = clock_text(value)
        elif name.endswith("_s") and isinstance(value, int | float):
            words[name.removesuffix("_s")] = _duration(float(value))
        elif isinstance(value, tuple):
            words[name] = ", ".join(value)
        else:
            words[name] = str(value)
    return words


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} t {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
