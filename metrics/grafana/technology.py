"""One page for any technology and unit: chosen at the top, so that a new technology needs no dashboard of its own."""

from metrics import catalogue
from metrics.catalogue import ALL_UNITS
from metrics.grafana.model import Choice, Dashboard, Panel, Query, Row

_OF = '{technology="$technology",unit="$unit"}'
_OF_ALL = '{technology="$technology"}'
_WEEKLY_SHARE = "technology_unit:omsorgstid_adoption_weekly_per_enrolled:ratio"
_USED_SHARE = "technology_unit:omsorgstid_benefit_used_per_freed:ratio"
_WIDTH_OF_INTERVAL = "technology_unit:omsorgstid_benefit_interval_width:seconds"

_MINUTES = Row(
    "Realiseret mod måltal",
    (
        Panel(
            "Siden ibrugtagning: P10, P50, P90 og måltal",
            "timeseries",
            "s",
            (
                Query(f"{catalogue.REALISED.name}{_OF}", "{{estimate}}"),
                Query(f"{catalogue.TARGET.name}{_OF}", "måltal"),
            ),
        ),
        Panel(
            "Denne måned",
            "timeseries",
            "s",
            (Query(f"{catalogue.MONTH_REALISED.name}{_OF}", "{{estimate}}"),),
        ),
        Panel(
            "Chance for måltal",
            "gauge",
            "percentunit",
            (Query(f"{catalogue.TARGET_PROBABILITY.name}{_OF}", "{{unit}}"),),
        ),
    ),
)
_CHAIN = Row(
    "Frigjort og anvendt",
    (
        Panel(
            "Frigjort og anvendt tid",
            "barchart",
            "s",
            (Query(f"{catalogue.WATERFALL.name}{_OF}", "{{stage}}"),),
        ),
        Panel("Anvendt af frigjort", "timeseries", "percentunit", (Query(f"{_USED_SHARE}{_OF}", "anvendt"),)),
    ),
)
_USE = Row(
    "Ibrugtagning",
    (
        Panel(
            "Fra tilmeldt til brugt",
            "bargauge",
            "none",
            (Query(f"{catalogue.ADOPTION.name}{_OF}", "{{step}}"),),
        ),
        Panel(
            "Brugt ugentligt af tilmeldte",
            "timeseries",
            "percentunit",
            (Query(f"{_WEEKLY_SHARE}{_OF}", "ugentligt"),),
        ),
    ),
)
_TRUST = Row(
    "Kan man stole på tallet?",
    (
        Panel("Evidens", "table", "none", (Query(f"{catalogue.EVIDENCE_GRADE.name}{_OF_ALL}", "{{grade}}"),)),
        Panel(
            "Bredden af usikkerheden (P90 minus P10)",
            "timeseries",
            "s",
            (Query(f"{_WIDTH_OF_INTERVAL}{_OF}", "bredde"),),
        ),
        Panel(
            "Nulpunktsmålingens alder",
            "stat",
            "s",
            (Query(f"time() - {catalogue.BASELINE_TIMESTAMP.name}{_OF_ALL}", "alder"),),
        ),
    ),
)
TECHNOLOGY = Dashboard(
    file_name="technology.json",
    uid="omsorgstid-technology",
    title_da="Omsorgstid: én teknologi",
    rows=(_MINUTES, _CHAIN, _USE, _TRUST),
    choices=(
        Choice("technology", "Teknologi", f"label_values({catalogue.REALISED.name}, technology)", "keys"),
        Choice(
            "unit",
            "Enhed",
            f'label_values({catalogue.REALISED.name}{{technology="$technology"}}, unit)',
            ALL_UNITS,
        ),
    ),
    tags=("omsorgstid", "gevinster"),
)
