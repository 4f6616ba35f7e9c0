"""Reading a municipality's own business case: everything that is missing or wrong in the file, named at once.

A case is taken whole or not at all. What its tables say in two ways has to be declared as a contradiction, so that
no municipality finds out afterwards which of two figures it was held to.
"""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import ValidationError

from metrics.business_case import BusinessCase, load_cases, parse_case
from metrics.case_arithmetic import arithmetic_findings
from metrics.case_problems import case_problem
from metrics.errors import CaseFileError, Problem
from metrics.technologies import CLOCKS, COMPONENTS, waterfall_rank

#: A case is a few pages of text; what is larger is something else.
MAXIMUM_BYTES = 512 * 1024


class _OnceLoader(yaml.SafeLoader):
    """YAML whose keys may stand once: of two, YAML would silently take the later."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping. Raises ``MarkedYAMLError`` for a key that stands twice."""
        seen: set[Hashable] = set()
        for key_node, _value in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"{key} twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def check_case(content: bytes, taken: Mapping[str, BusinessCase]) -> BusinessCase:
    """The case of a file.

    Parameters
    ----------
    content
        YAML in UTF-8 (docs/extend/business-case.md).
    taken
        The cases there are already; its id has to be another.

    Raises
    ------
    CaseFileError
        With every problem found; the case cannot be used.
    """
    text = _text(content)
    _refuse_aliases(text)
    try:
        case = parse_case(text)
    except ValidationError as err:
        raise CaseFileError([case_problem(error) for error in err.errors(include_url=False)]) from err
    if problems := list(_problems(case, taken)):
        raise CaseFileError(problems)
    return case


def load_own_cases(folder: Path) -> dict[str, BusinessCase]:
    """The cases that ship with the platform and those of a folder, in the order of the waterfall.

    Raises
    ------
    CaseFileError
        For the first file that cannot be used, with its name before every path.
    """
    cases = dict(load_cases())
    for path in sorted(folder.glob("*.yaml")):
        try:
            case = check_case(path.read_bytes(), cases)
        except CaseFileError as err:
            raise CaseFileError([Problem(f"{path.name}: {p.path}", p.expected, p.found) for p in err.problems]) from err
        cases[case.id] = case
    return {case.id: case for case in sorted(cases.values(), key=lambda case: waterfall_rank(case.technology))}


def _text(content: bytes) -> str:
    if len(content) > MAXIMUM_BYTES:
        _refuse("file", f"at most {MAXIMUM_BYTES // 1024} KiB", f"{len(content) // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise CaseFileError([Problem(f"byte {err.start}", "UTF-8", "another encoding")]) from err


def _refuse_aliases(text: str) -> None:
    """Look at the bare YAML: a mapping, every key once, nothing by reference."""
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken):
                _refuse(f"line {token.start_mark.line + 1}", "every value written out", f"*{token.value}")
        # The loader is a SafeLoader: it makes plain values only.
        data = yaml.load(text, Loader=_OnceLoader)  # noqa: S506
    except yaml.MarkedYAMLError as err:
        line = 1 if err.problem_mark is None else err.problem_mark.line + 1
        raise CaseFileError([Problem(f"line {line}", "YAML with every key once", err.problem or "nothing")]) from err
    except yaml.YAMLError as err:
        raise CaseFileError([Problem("file", "YAML", "characters that cannot stand in it")]) from err
    if not isinstance(data, dict):
        _refuse("file", "the fields of a case", "nothing" if data is None else type(data).__name__)


def _problems(case: BusinessCase, taken: Mapping[str, BusinessCase]) -> Iterator[Problem]:
    if case.id in taken:
        yield Problem("id", "a name no other case has", case.id)
    clock = CLOCKS[case.technology]
    if case.clock != clock:
        yield Problem("clock", f"{clock}, on which {case.technology} is counted", case.clock)
    for component in dict.fromkeys([case.component, *(driver.component for driver in case.drivers)]):
        if component not in COMPONENTS[case.technology]:
            yield Problem("component", " or ".join(COMPONENTS[case.technology]), component)
    yield from _sign_problems(case)
    yield from _undeclared(case)
    yield from _lines_outside(case)


def _sign_problems(case: BusinessCase) -> Iterator[Problem]:
    row = case.row(case.saving_row)
    for year, amount in row.thousand_dkk.items():
        if amount is not None and amount > 0:
            yield Problem(f"rows.{row.id}.{year}", f"an amount below zero, as sign is {case.sign}", str(amount))
    if not any(row.thousand_dkk.values()):
        yield Problem(f"rows.{row.id}", "an amount in at least one year", "nothing")
    elif case.saving_years and not case.amount_dkk_ore(case.saving_row, max(case.saving_years)):
        yield Problem(f"rows.{row.id}.{max(case.saving_years)}", "the saving at full effect", "0")


def _undeclared(case: BusinessCase) -> Iterator[Problem]:
    declared = {(c.row, c.year) for c in case.contradictions if c.kind == "arithmetic"}
    found = {(f.row, f.year): f for f in arithmetic_findings(case)}
    for key, finding in found.items():
        if key not in declared:
            where = finding.row if finding.year is None else f"{finding.row}, {finding.year}"
            yield Problem(
                f"{where} (line {finding.line})", f"{finding.computed}, or a contradiction named", str(finding.stated)
            )
    for row, year in sorted(declared - set(found), key=str):
        yield Problem("contradictions", "a difference the tables have", f"{row}, {year}: they agree")
    ids = [contradiction.id for contradiction in case.contradictions]
    for name in sorted({name for name in ids if ids.count(name) > 1}):
        yield Problem("contradictions", "every id once", name)


def _lines_outside(case: BusinessCase) -> Iterator[Problem]:
    document = case.document
    lines = [(f"figures.{name}", figure.line) for name, figure in case.figures.items()]
    lines += [(f"rows.{row.id}", row.line) for row in case.rows]
    lines += [(f"success_criteria.{c.id}", c.line) for c in case.success_criteria]
    for path, line in lines:
        if not document.first_line <= line <= document.last_line and line not in document.overview_lines:
            yield Problem(path, f"a line from {document.first_line} to {document.last_line}", str(line))


def _refuse(path: str, expected: str, found: str) -> NoReturn:
    raise CaseFileError([Problem(path, expected, found)])
