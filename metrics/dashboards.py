"""The Grafana dashboards, written from one source. ``python -m metrics.dashboards FOLDER`` writes the files.

Three: the managers' (how much in all, each technology, is it taken into use, can the figures be trusted), one page
for any technology, and operations.
"""

import sys
from pathlib import Path

from metrics.grafana.managers import MANAGERS
from metrics.grafana.model import Dashboard, Panel
from metrics.grafana.operations import OPERATIONS
from metrics.grafana.technology import TECHNOLOGY

DASHBOARDS: tuple[Dashboard, ...] = (MANAGERS, TECHNOLOGY, OPERATIONS)
PANELS: tuple[Panel, ...] = tuple(panel for one in DASHBOARDS for panel in one.panels)


def write_dashboards(folder: Path) -> list[Path]:
    """Write the dashboards into a folder and return their paths."""
    written = []
    for one in DASHBOARDS:
        path = folder / one.file_name
        path.write_text(one.as_text(), encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    write_dashboards(Path(sys.argv[1]))
