"""The Grafana dashboard, written from one source. ``python -m metrics.dashboards FOLDER`` writes the file."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE_NAME = "benefits.json"


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


_REALISED = "omsorgstid_benefit_realised_seconds"
_TARGET = "omsorgstid_benefit_target_seconds"
_LAST_UPDATE = "omsorgstid_benefit_ledger_last_update_timestamp_seconds"

PANELS: tuple[Panel, ...] = (
    Panel(
        "Realiseret mod måltal, alle enheder",
        "timeseries",
        "s",
        (
            Query(f'{_REALISED}{{unit="all"}}', "{{technology}} {{estimate}}"),
            Query(f'{_TARGET}{{unit="all"}}', "{{technology}} måltal"),
        ),
    ),
    Panel(
        "Andel af måltal pr. enhed",
        "timeseries",
        "percentunit",
        (Query("technology_unit:omsorgstid_benefit_realised_per_target:ratio", "{{technology}} {{unit}}"),),
    ),
    Panel(
        "Sandsynlighed for at nå måltallet",
        "bargauge",
        "percentunit",
        (Query("omsorgstid_benefit_target_probability_ratio", "{{technology}} {{unit}}"),),
    ),
    Panel(
        "Realiseret i denne måned (P50)",
        "timeseries",
        "s",
        (
            Query(
                'omsorgstid_benefit_month_realised_seconds{estimate="p50"}',
                "{{technology}} {{unit}}",
            ),
        ),
    ),
    Panel(
        "Bredden af usikkerheden (P90 minus P10)",
        "timeseries",
        "s",
        (Query("technology_unit:omsorgstid_benefit_interval_width:seconds", "{{technology}} {{unit}}"),),
    ),
    Panel(
        "Evidens",
        "table",
        "none",
        (Query("omsorgstid_benefit_evidence_grade_info", "{{technology}} {{grade}}"),),
    ),
    Panel(
        "Nulpunktsmålingens alder",
        "stat",
        "s",
        (Query("time() - omsorgstid_benefit_baseline_timestamp_seconds", "{{technology}}"),),
    ),
    Panel(
        "Enheder uden gyldig nulpunktsmåling",
        "stat",
        "none",
        (Query("omsorgstid_benefit_baselines_missing", "{{technology}}"),),
    ),
    Panel(
        "Gevinstregnskabets alder",
        "stat",
        "s",
        (Query(f"time() - {_LAST_UPDATE}", "alder"),),
    ),
    Panel(
        "Tal holdt tilbage (for få medarbejdere)",
        "stat",
        "none",
        (Query("omsorgstid_benefit_cells_withheld", "{{technology}}"),),
    ),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it, two panels a row."""
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
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }


def dashboard_text() -> str:
    """The file as it lies in deploy/grafana."""
    return json.dumps(dashboard(), ensure_ascii=False, indent=2) + "\n"


def write_dashboards(folder: Path) -> Path:
    """Write the dashboard into a folder and return its path."""
    path = folder / FILE_NAME
    path.write_text(dashboard_text(), encoding="utf-8")
    return path


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    return {
        "id": number + 1,
        "title": panel.title_da,
        "type": panel.kind,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "expr": query.expr, "legendFormat": query.legend}
            for i, query in enumerate(panel.queries)
        ],
    }


if __name__ == "__main__":
    write_dashboards(Path(sys.argv[1]))
