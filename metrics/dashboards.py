"""The managers' Grafana dashboard, written from one source. ``python -m metrics.dashboards FOLDER`` writes the file.

Rows follow the questions of a manager: how much in all, each technology, is it taken into use, can the figures be
trusted, does what they rest on work.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metrics import catalogue
from metrics.technologies import NAMES_DA, TARGET_ONLY, WATERFALL, Technology

FILE_NAME = "benefits.json"
_ROW_HEIGHT = 1
_PANEL_HEIGHT = 8
_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One question and the queries that answer it. ``unit`` is Grafana's name of a unit of measure."""

    title_da: str
    kind: str
    unit: str
    queries: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together, side by side under a heading."""

    title_da: str
    panels: tuple[Panel, ...]


_SHARE = "technology_unit:omsorgstid_benefit_realised_per_target:ratio"
_USED_SHARE = "technology_unit:omsorgstid_benefit_used_per_freed:ratio"
_WEEKLY_SHARE = "technology_unit:omsorgstid_adoption_weekly_per_enrolled:ratio"
_WIDTH_OF_INTERVAL = "technology_unit:omsorgstid_benefit_interval_width:seconds"
_SCREEN_FAILURES = "municipality:omsorgstid_screen_visits_failed_per_ended:ratio"


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
_OPERATIONS = Row(
    "Det, tallene hviler på",
    (
        Panel("Skærmbesøg, seneste døgn", "barchart", "none", (Query(catalogue.SCREEN_VISITS.name, "{{outcome}}"),)),
        Panel("Mislykkede skærmbesøg", "stat", "percentunit", (Query(_SCREEN_FAILURES, "mislykket"),)),
        Panel("Låsenes batterier", "bargauge", "none", (Query(catalogue.LOCK_BATTERIES.name, "{{level}}"),)),
        Panel(
            "Enheder uden forbindelse",
            "stat",
            "none",
            (Query(catalogue.DEVICES_OFFLINE.name, "{{kind}}"),),
        ),
        Panel("Enheder i brug", "stat", "none", (Query(catalogue.DEVICES_ENROLLED.name, "{{kind}}"),)),
        Panel(
            "Sidst hørt fra en enhed",
            "stat",
            "s",
            (Query(f"time() - {catalogue.LAST_MESSAGE.name}", "siden"),),
        ),
        Panel("Beskeder sat til side", "stat", "none", (Query(catalogue.QUARANTINE_OPEN.name, "åbne"),)),
    ),
)

ROWS: tuple[Row, ...] = (
    _waterfall(),
    *(_technology(t) for t in WATERFALL if t != "routing"),
    _routing(),
    _target_only(),
    _ADOPTION,
    _TRUST,
    _OPERATIONS,
)
PANELS: tuple[Panel, ...] = tuple(panel for row in ROWS for panel in row.panels)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it: a heading per row, at most three panels side by side."""
    return {
        "uid": "omsorgstid-benefits",
        "title": "Omsorgstid: gevinster",
        "schemaVersion": 38,
        "version": 1,
        "editable": False,
        "timezone": "Europe/Copenhagen",
        "time": {"from": "now-90d", "to": "now"},
        "refresh": "5m",
        "tags": ["omsorgstid", "gevinster"],
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Kilde"}]},
        "panels": list(_placed()),
    }


def dashboard_text() -> str:
    """The file as it lies in deploy/grafana."""
    return json.dumps(dashboard(), ensure_ascii=False, indent=2) + "\n"


def write_dashboards(folder: Path) -> Path:
    """Write the dashboard into a folder and return its path."""
    path = folder / FILE_NAME
    path.write_text(dashboard_text(), encoding="utf-8")
    return path


def _placed() -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for row in ROWS:
        number += 1
        place = {"x": 0, "y": y, "w": _WIDTH, "h": _ROW_HEIGHT}
        yield {"id": number, "type": "row", "title": row.title_da, "collapsed": False, "gridPos": place, "panels": []}
        y += _ROW_HEIGHT
        beside = min(3, len(row.panels))
        for i, panel in enumerate(row.panels):
            number += 1
            x = (i % beside) * (_WIDTH // beside)
            place = {"x": x, "y": y + _PANEL_HEIGHT * (i // beside), "w": _WIDTH // beside, "h": _PANEL_HEIGHT}
            yield _panel(number, panel, place)
        y += _PANEL_HEIGHT * -(-len(row.panels) // beside)


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "title": panel.title_da,
        "type": panel.kind,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "expr": query.expr, "legendFormat": query.legend}
            for i, query in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    write_dashboards(Path(sys.argv[1]))
