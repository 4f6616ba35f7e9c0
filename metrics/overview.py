"""The overview page of a source document: what it says all its cases are worth together, against the cases."""

import json
from collections.abc import Iterator, Mapping
from functools import cache

import yaml
from pydantic import BaseModel, ConfigDict, Field

from metrics.business_case import CASES_DIR, BusinessCase, Document
from metrics.case_arithmetic import ArithmeticFinding

_OVERVIEW_FILE = CASES_DIR / "overview" / "copenhagen-sof.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class OverviewLine(_Strict):
    """A line of the overview, and the row of every case it should be the sum of."""

    id: str
    label_da: str
    line: int
    case_row: str
    tolerance_thousand_dkk: int = Field(ge=0)
    thousand_dkk: dict[int, int]


class Overview(_Strict):
    """The overview as written."""

    document: Document
    cases: tuple[str, ...]
    lines: tuple[OverviewLine, ...]


@cache
def load_overview() -> Overview:
    """The overview that ships with the platform."""
    data = yaml.safe_load(_OVERVIEW_FILE.read_text(encoding="utf-8"))
    return Overview.model_validate_json(json.dumps(data, default=str))


def overview_findings(overview: Overview, cases: Mapping[str, BusinessCase]) -> list[ArithmeticFinding]:
    """Where the overview says something else than its cases together, beyond its own rounding."""
    return [finding for line in overview.lines for finding in _findings(line, [cases[c] for c in overview.cases])]


def _findings(line: OverviewLine, cases: list[BusinessCase]) -> Iterator[ArithmeticFinding]:
    for year, stated in line.thousand_dkk.items():
        # A year the tables of a case do not reach cannot be added up.
        if any(year > max(case.saving_years) for case in cases):
            continue
        computed = sum(case.row(line.case_row).thousand_dkk[year] or 0 for case in cases)
        if abs(stated - computed) > line.tolerance_thousand_dkk:
            yield ArithmeticFinding(row=line.id, year=year, line=line.line, stated=stated, computed=computed)
