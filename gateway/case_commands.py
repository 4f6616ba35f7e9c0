"""``omsorgstid cases``: which business cases there are, and what one of one's own lacks."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.adoption import cases_of
from gateway.settings import load_settings
from gateway.target_table import reported_text, target_text
from metrics.business_case import load_cases
from metrics.case_check import check_case
from metrics.reported_case import load_reported_cases
from metrics.targets import targets_table

cases_app = typer.Typer(no_args_is_help=True, help="Business cases: what there is, and one's own.")
CaseFile = Annotated[Path, typer.Argument(help="The case as YAML.", exists=True, dir_okay=False)]


@cases_app.command("check")
def check_case_file(file: CaseFile) -> None:
    """Say what a business case of one's own lacks, or what it promises; nothing is taken in."""
    case = check_case(file.read_bytes(), load_cases())
    cases = {case.id: case}
    typer.echo(target_text(cases, targets_table(cases), overview=False), nl=False)


@cases_app.command("list")
def list_cases() -> None:
    """Cases with a target, and reports of others that cannot have one."""
    for case in cases_of(load_settings()).values():
        where = f"{case.document.number}:{case.document.first_line}"
        typer.echo(f"{case.id} · {case.technology} · {where} · {case.title_en}")
    typer.echo(reported_text(load_reported_cases()), nl=False)
