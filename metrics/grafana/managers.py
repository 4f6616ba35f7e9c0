"""The managers' dashboard. Rows follow their questions: how much in all, each technology, is it taken into use, can
the figures be trusted, does what they rest on work."""

from metrics import catalogue
from metrics.grafana.model import Dashboard, Panel, Query, Row
from metrics.grafana.operations import UNDERLYING
from metrics.technologies import NAMES_DA, TARGET_ONLY, WATERFALL, Technology

_SHARE = "technology_unit:omsorgstid_benefit_realised_per_target:ratio"
_USED_SHARE = "technology_unit:omsorgstid_benefit_used_per_freed:ratio"
_WEEKLY_SHARE = "technology_unit:omsorgstid_adoption_weekly_per_enrolled:ratio"
_WIDTH_OF_INTERVAL = "technology_unit:omsorgstid_benefit_interval_width:seconds"


def _of(spec: catalogue.MetricSpec, technology: Technology, selector: str = "") -> str:
    return f'{spec.name}{{technology="{technology}"{selector}}}'


def _waterfall() -> Row:
    steps = tuple(Query(_of(catalogue.WATERFALL, t, ',unit="all"'), f"{NAMES_DA[t]} {{{{stage}}}}") for t in WATERFALL)
    return Row(
        "I alt: vandfald uden dobbelttælling",
        (
            Panel("Frigjort og anvendt tid siden ibrugtagning", "barchart", "s", steps),
            Panel(
                "Anvendt af frigjort",
                "bargauge",
                "percentunit",
                (Query(f'{_USED_SHARE}{{unit="all"}}', "{{technology}}"),),
            ),
            Panel(
                "Realiseret i denne måned (P50)",
                "timeseries",
                "s",
                (Query(f'{catalogue.MONTH_REALISED.name}{{estimate="p50",unit="all"}}', "{{technology}}"),),
            ),
        ),
    )


def _technology(technology: Technology) -> Row:
    realised = Panel(
        f"{NAMES_DA[technology]}: realiseret mod måltal, alle enheder",
        "timeseries",
        "s",
        (
            Query(_of(catalogue.REALISED, technology, ',unit="all"'), "{{estimate}}"),
            Query(_of(catalogue.TARGET, technology, ',unit="all"'), "måltal"),
        ),
    )
    share = Panel(
        f"{NAMES_DA[technology]}: andel af måltal pr. enhed",
        "timeseries",
        "percentunit",
        (Query(f'{_SHARE}{{technology="{technology}"}}', "{{unit}}"),),
    )
    chance = Panel(
        f"{NAMES_DA[technology]}: chance for måltal",
        "bargauge",
        "percentunit",
        (Query(_of(catalogue.TARGET_PROBABILITY, technology), "{{unit}}"),),
    )
    return Row(NAMES_DA[technology], (realised, share, chance))


def _routing() -> Row:
    name = NAMES_DA["routing"]
    return Row(
        f"{name} (uden måltal)",
        (
            Panel(
                f"{name}: realiseret, alle enheder",
                "timeseries",
                "s",
                (Query(_of(catalogue.REALISED, "routing", ',unit="all"'), "{{estimate}}"),),
            ),
            Panel(
                f"{name}: realiseret pr. enhed (P50)",
                "timeseries",
                "s",
                (Query(_of(catalogue.REALISED, "routing", ',estimate="p50"'), "{{unit}}"),),
            ),
        ),
    )


def _target_only() -> Row:
    names = " og ".join(NAMES_DA[technology] for technology in TARGET_ONLY)
    only = "|".join(TARGET_ONLY)
    return Row(
        f"{names}: for lidt data",
        (
            Panel(
                f"{names}: måltal, alle enheder (Borger.dk har kun kroner)",
                "timeseries",
                "s",
                (Query(f'{catalogue.TARGET.name}{{technology=~"{only}",unit="all"}}', "{{technology}}"),),
            ),
        ),
    )


_ADOPTION = Row(
    "Ibrugtagning",
    (
        Panel(
            "Fra tilmeldt til brugt, alle enheder",
            "barchart",
            "none",
            (Query(f'{catalogue.ADOPTION.name}{{unit="all"}}', "{{technology}} {{step}}"),),
        ),
        Panel(
            "Brugt ugentligt af tilmeldte",
            "timeseries",
            "percentunit",
            (Query(_WEEKLY_SHARE, "{{technology}} {{unit}}"),),
        ),
    ),
)
_TRUST = Row(
    "Kan man stole på tallene?",
    (
        Panel("Evidens", "table", "none", (Query(catalogue.EVIDENCE_GRADE.name, "{{technology}} {{grade}}"),)),
        Panel(
            "Bredden af usikkerheden (P90 minus P10)",
            "timeseries",
            "s",
            (Query(_WIDTH_OF_INTERVAL, "{{technology}} {{unit}}"),),
        ),
        Panel(
            "Nulpunktsmålingens alder",
            "stat",
            "s",
            (Query(f"time() - {catalogue.BASELINE_TIMESTAMP.name}", "{{technology}}"),),
        ),
        Panel(
            "Enheder uden gyldig nulpunktsmåling",
            "stat",
            "none",
            (Query(catalogue.BASELINES_MISSING.name, "{{technology}}"),),
        ),
        Panel(
            "Gevinstregnskabets alder",
            "stat",
            "s",
            (Query(f"time() - {catalogue.LEDGER_LAST_UPDATE.name}", "alder"),),
        ),
        Panel(
            "Tal holdt tilbage (for få personer)",
            "stat",
            "none",
            (Query(catalogue.CELLS_WITHHELD.name, "{{technology}}"),),
        ),
    ),
)
_ROWS: tuple[Row, ...] = (
    _waterfall(),
    *(_technology(t) for t in WATERFALL if t != "routing"),
    _routing(),
    _target_only(),
    _ADOPTION,
    _TRUST,
    UNDERLYING,
)
MANAGERS = Dashboard(
    file_name="benefits.json",
    uid="omsorgstid-benefits",
    title_da="Omsorgstid: gevinster",
    rows=_ROWS,
    tags=("omsorgstid", "gevinster"),
)
