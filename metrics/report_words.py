"""The words of the benefit report: why a figure is missing or what it lacks, in Danish and English."""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

from kernel.localtime import number_text
from metrics.comparison.ratio import Compared
from metrics.technologies import OCCASION_KINDS, SUBJECT_KINDS, OccasionKind, SubjectKind, Technology
from metrics.threats import Threat

ReportReason = Literal[
    "baseline_missing",
    "baseline_missing_in_part",
    "events_missing_in_part",
    "no_occasions",
    "none_eligible",
    "not_in_use_yet",
    "not_measured",
    "money_only",
    "units_without_data",
    "week_not_over",
    "day_not_over",
    "few_subjects",
    "subtraction",
]
Pair = tuple[str, str]

OCCASIONS: Mapping[OccasionKind, Pair] = {
    "carer_shift": ("vagter", "shifts"),
    "citizen_week": ("borgeruger", "citizen-weeks"),
    "resident_day": ("beboerdage", "resident-days"),
}
SUBJECTS: Mapping[SubjectKind, Pair] = {
    "carers": ("medarbejdere", "carers"),
    "citizens": ("borgere", "citizens"),
    "residents": ("beboere", "residents"),
}
#: What "used" means beside "freed" (design §7.7); the figure must never be shown without it.
USED_NOTE: Pair = (
    "Anvendt er frigjort tid i blokke på mindst 15 minutter af én vagt, borgeruge eller beboerdag; tab tæller fuldt.",
    "Used is freed time in blocks of at least 15 minutes of one shift, citizen-week or resident-day; losses count"
    " in full.",
)
_IN_PART: frozenset[ReportReason] = frozenset({"baseline_missing_in_part", "events_missing_in_part"})
_REASONS: Mapping[ReportReason, Pair] = {
    "baseline_missing": (
        "Nulpunktsmålingen mangler eller gælder ikke længere.",
        "The baseline is missing or no longer valid.",
    ),
    "baseline_missing_in_part": (
        "En del af {occasions_da} mangler nulpunktsmåling og er ikke talt med.",
        "Part of the {occasions_en} lack a baseline and are not counted.",
    ),
    "events_missing_in_part": (
        "En del af {occasions_da} mangler hændelser og er ikke talt med.",
        "Part of the {occasions_en} lack events and are not counted.",
    ),
    "no_occasions": (
        "Der er ingen {occasions_da} i perioden.",
        "There are no {occasions_en} in the period.",
    ),
    "not_in_use_yet": ("Ikke taget i brug i perioden.", "Not in use in the period."),
    "not_measured": (
        "Kun måltallet vises: ingen hændelser viser, hvor lang tid der spares.",
        "Only the target is shown: no events tell how much time is saved.",
    ),
    "money_only": (
        "Måltallet er i kroner, ikke i minutter, og ingen hændelser viser, hvad der spares.",
        "The target is money, not minutes, and no events tell what is saved.",
    ),
    "units_without_data": (
        "Tallet mangler enheder, der har for lidt data; måltallet gælder alle.",
        "The figure lacks units with too little data; the target is for all.",
    ),
    "week_not_over": (
        "Ugen er ikke gjort op endnu: tal vises for hele uger, et døgn efter at de er slut.",
        "The week is not settled yet: figures are shown for whole weeks, a day after they end.",
    ),
    "day_not_over": (
        "Dagen er ikke gjort op endnu: tal vises kl. 6 næste morgen.",
        "The day is not settled yet: figures are shown at six the next morning.",
    ),
    "few_subjects": (
        "Færre end 5 {subjects_da} – vises ikke.",
        "Fewer than 5 {subjects_en} – not shown.",
    ),
    "subtraction": (
        "Vises ikke, fordi et lille tal ellers kunne regnes ud.",
        "Not shown, because a small figure could be worked out from it.",
    ),
}
_NONE_ELIGIBLE: Mapping[str, Pair] = {
    "keys": (
        "Ingen vagter kunne måles: ruten var ikke på tabletten, eller ingen besøg krævede nøgle.",
        "No shift could be measured: the route was not on the tablet, or no visit needed a key.",
    ),
    "screen": (
        "Ingen borgeruger kunne måles: der blev ikke holdt skærmbesøg, eller borgeren var ikke med hele ugen.",
        "No citizen-week could be measured: no screen visit was held, or the citizen was not part of it all week.",
    ),
    "transfers": (
        "Ingen beboerdage kunne måles: hjælpemidlet blev ikke brugt, eller ingen har svaret, om der var én eller to.",
        "No resident-day could be measured: the device was not used, or nobody said if there were one or two carers.",
    ),
    "routing": (
        "Ingen vagter kunne måles: der var ikke to fysiske besøg at køre imellem.",
        "No shift could be measured: there were no two physical visits to travel between.",
    ),
}


#: What a figure cannot rule out, each as a word in a list.
_THREATS: Mapping[Threat, Pair] = {
    "selection": ("selektion", "selection"),
    "regression": ("regression mod middel", "regression to the mean"),
    "drift": ("udvikling over tid", "change over time"),
}
_NOT_RULED_OUT: Pair = ("Kan ikke udelukkes: {named}.", "Not ruled out: {named}.")
_SEEN: Mapping[Threat, Pair] = {
    "baseline_trend": (
        "Nulpunktsmålingen har en tendens: tiden ændrede sig allerede, mens der blev målt.",
        "The baseline has a trend: the time already changed while it was measured.",
    ),
    "visit_types": (
        "En del er målt mod besøgstypens gennemsnit, fordi borgeren ikke selv er målt før.",
        "Part of it is measured against the mean of the visit type, for the citizen was not measured before.",
    ),
    "shift_mean": (
        "Besøgstyper med for få målte borgere er regnet efter alle vagtens besøg.",
        "Visit types with too few measured citizens are counted by all visits of the shift.",
    ),
}
_COMPARED: Pair = (
    "Sammenlignet med {count} {subjects} {where}, som er målt og ikke er begyndt: {p50} ({p10} til {p90}).",
    "Compared with {count} {subjects} {where} who were measured and have not begun: {p50} ({p10} to {p90}).",
)
_WHERE: Mapping[str, Pair] = {
    "same_unit": ("i samme enhed", "of the same unit"),
    "same_units": ("i de samme enheder", "of the same units"),
    "other_units": ("i enheder, der ikke er begyndt,", "of units that have not begun"),
}
_NOT_COMPARED: Pair = (
    "Ingen sammenligningsgruppe: der er ikke 5 {subjects}, som er målt og ikke er begyndt.",
    "No comparison group: there are not 5 {subjects} who were measured and have not begun.",
)
_NOT_ALL_COMPARED: Pair = (
    "Ingen sammenligningsgruppe: ikke alle enheder har 5 {subjects}, som er målt og ikke er begyndt.",
    "No comparison group: not every unit has 5 {subjects} who were measured and have not begun.",
)
_NEVER_COMPARED: Mapping[Technology, Pair] = {
    "transfers": (
        "Ingen sammenligningsgruppe: uden hjælpemiddel viser ingen hændelser, hvornår der var to.",
        "No comparison group: without a device no events tell when there were two.",
    ),
    "routing": (
        "Ingen sammenligningsgruppe: alle dagvagter, der kører, tælles med.",
        "No comparison group: every day shift that is driven counts.",
    ),
}


def threats_text(threats: Collection[Threat], language: str = "da") -> str:
    """What a figure cannot rule out and what its baseline tells against it; empty where there is nothing to say."""
    at = 0 if language == "da" else 1
    named = ", ".join(words[at] for threat, words in _THREATS.items() if threat in threats)
    said = [_NOT_RULED_OUT[at].format(named=named)] if named else []
    return " ".join([*said, *(words[at] for threat, words in _SEEN.items() if threat in threats)])


def compared_text(
    compared: Compared | None,
    technology: Technology,
    language: str = "da",
    *,
    of_all: bool = False,
    written: Callable[[int], str] | None = None,
) -> str:
    """A figure beside those who have not begun, or that there is nobody to compare it with.

    Parameters
    ----------
    of_all
        Whether the figure is of all units together.
    written
        How a page writes seconds; whole minutes without it.
    """
    at = 0 if language == "da" else 1
    subjects = subjects_text(technology, language)
    if compared is None:
        words = _NEVER_COMPARED.get(technology, _NOT_ALL_COMPARED if of_all else _NOT_COMPARED)
        return words[at].format(subjects=subjects)
    seconds = (compared.p10_s, compared.p50_s, compared.p90_s)
    p10, p50, p90 = (_minutes(s, language) if written is None else written(s) for s in seconds)
    where = _WHERE["same_units" if of_all and compared.where == "same_unit" else compared.where][at]
    return _COMPARED[at].format(count=compared.subject_count, subjects=subjects, where=where, p10=p10, p50=p50, p90=p90)


def _minutes(seconds: int, language: str) -> str:
    minutes = round(seconds / 60)
    text = number_text(minutes) if language == "da" else f"{minutes:,}"
    return text.replace("-", "\N{MINUS SIGN}") + "\N{NO-BREAK SPACE}min"


def occasions_text(technology: Technology, language: str = "da") -> str:
    """What a technology is counted by: ``vagter``, ``borgeruger`` or ``beboerdage``."""
    return OCCASIONS[OCCASION_KINDS[technology]][0 if language == "da" else 1]


def subjects_text(technology: Technology, language: str = "da") -> str:
    """Whom a technology is counted for: ``medarbejdere``, ``borgere`` or ``beboere``."""
    return SUBJECTS[SUBJECT_KINDS[technology]][0 if language == "da" else 1]


def reason_text(reason: ReportReason | None, technology: Technology, language: str = "da") -> str:
    """Why there is no figure, or what it lacks; empty where there is nothing to say."""
    if reason is None:
        return ""
    texts = _NONE_ELIGIBLE.get(technology, _NONE_ELIGIBLE["keys"]) if reason == "none_eligible" else _REASONS[reason]
    occasions = _the_occasions_da if reason in _IN_PART else occasions_text
    return texts[0 if language == "da" else 1].format(
        occasions_da=occasions(technology),
        occasions_en=occasions_text(technology, "en"),
        subjects_da=subjects_text(technology),
        subjects_en=subjects_text(technology, "en"),
    )


def _the_occasions_da(technology: Technology) -> str:
    definite = {"vagter": "vagterne", "borgeruger": "borgerugerne", "beboerdage": "beboerdagene"}
    return definite[occasions_text(technology)]
