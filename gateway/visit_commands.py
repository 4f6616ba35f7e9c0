"""Where visits come from, on the command line: ``import-day``, ``import-visits``, ``generate-day``."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.command_work import database_work


def import_day(
    day: Annotated[Path, typer.Argument(help="Day file or HHCRSP instance.", exists=True, dir_okay=False)],
) -> None:
    """Bring a day file into the database, all or nothing."""
    from gateway.usecases.days import import_day as bring_in
    from scheduling.day_file import load_day

    loaded = load_day(day, hhcrsp_on=date.today())  # noqa: DTZ011 - the instance has no date of its own
    with database_work() as work:
        bring_in(work, loaded)
    print(f"{loaded.on}: {len(loaded.visits)} visits, {len(loaded.carers)} carers imported")


def import_visits(
    file: Annotated[Path, typer.Argument(help="CSV file: visits, weekly plan or shifts.", exists=True, dir_okay=False)],
) -> None:
    """Bring a planning system's CSV file in, all or nothing; what is wrong is named by row and column."""
    from gateway.usecases.visits_in import all_units, bring_in

    with database_work() as work:
        done, _ = bring_in(work, file.read_bytes(), all_units(work), "operations")
    if done.problems:
        said = [f"{file.name}: nothing was imported.", *(f"  {problem}" for problem in done.problems)]
        print("\n".join(said), file=sys.stderr)
        raise typer.Exit(1)
    print(f"{file.name}: {done.kind}, {done.row_count} rows; {', '.join(f'{n} {k}' for k, n in done.counts.items())}")


def generate_day(
    on: Annotated[datetime, typer.Argument(help="YYYY-MM-DD", formats=["%Y-%m-%d"])],
    unit: Annotated[list[str] | None, typer.Option(help="Id of a unit; else every home-care unit.")] = None,
) -> None:
    """Make a day's visits out of the weekly plan; a second time changes nothing."""
    from gateway.usecases.visits_in import generate_day as generate
    from gateway.usecases.visits_in import home_care_units

    with database_work() as work:
        for unit_id in unit or home_care_units(work, on.date()):
            done, _ = generate(work, unit_id, on.date())
            print(f"{on.date()} {unit_id}: {done.made} made, {done.changed} changed, {done.cancelled} cancelled")
