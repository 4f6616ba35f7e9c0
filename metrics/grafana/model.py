"""What a Grafana dashboard is made of: rows of panels, each panel a question and the queries that answer it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from metrics.grafana.definitions import definition_of

_ROW_HEIGHT = 1
_PANEL_HEIGHT = 8
_WIDTH = 24
_SIDE_BY_SIDE = 3


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


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice at the top of a dashboard; queries name it ``$name``. Its values are those of a label."""

    name: str
    title_da: str
    query: str
    first: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard and the file it is written to."""

    file_name: str
    uid: str
    title_da: str
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...] = ()
    tags: tuple[str, ...] = ("omsorgstid",)
    from_time: str = "now-90d"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Every panel, row by row."""
        return tuple(panel for row in self.rows for panel in row.panels)

    def as_json(self) -> dict[str, Any]:
        """The dashboard as Grafana reads it: a heading per row, at most three panels side by side."""
        source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Kilde"}
        return {
            "uid": self.uid,
            "title": self.title_da,
            "schemaVersion": 38,
            "version": 1,
            "editable": False,
            "timezone": "Europe/Copenhagen",
            "time": {"from": self.from_time, "to": "now"},
            "refresh": "5m",
            "tags": list(self.tags),
            "templating": {"list": [source, *(_chosen(choice) for choice in self.choices)]},
            "panels": list(self._placed()),
        }

    def as_text(self) -> str:
        """The file as it lies in deploy/grafana."""
        return json.dumps(self.as_json(), ensure_ascii=False, indent=2) + "\n"

    def _placed(self) -> Iterator[dict[str, Any]]:
        number, y = 0, 0
        for row in self.rows:
            number += 1
            place = {"x": 0, "y": y, "w": _WIDTH, "h": _ROW_HEIGHT}
            heading = {"id": number, "type": "row", "title": row.title_da, "collapsed": False}
            yield heading | {"gridPos": place, "panels": []}
            y += _ROW_HEIGHT
            beside = min(_SIDE_BY_SIDE, len(row.panels))
            for i, panel in enumerate(row.panels):
                number += 1
                x = (i % beside) * (_WIDTH // beside)
                place = {"x": x, "y": y + _PANEL_HEIGHT * (i // beside), "w": _WIDTH // beside, "h": _PANEL_HEIGHT}
                yield _panel(number, panel, place)
            y += _PANEL_HEIGHT * -(-len(row.panels) // beside)


def _chosen(choice: Choice) -> dict[str, Any]:
    return {
        "name": choice.name,
        "label": choice.title_da,
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": choice.query,
        "current": {"text": choice.first, "value": choice.first},
        "refresh": 1,
        "sort": 1,
    }


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "title": panel.title_da,
        "description": definition_of(query.expr for query in panel.queries),
        "type": panel.kind,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "expr": query.expr, "legendFormat": query.legend}
            for i, query in enumerate(panel.queries)
        ],
    }
