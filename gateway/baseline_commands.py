"""Commands that freeze a baseline (nulpunktsmåling): from a file of measurements, or from the log itself."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gateway.command_work import database_work
from gateway.settings import load_settings

if TYPE_CHECKING:
    from metrics.tables import BaselineRow
    from metrics.time_study import MeasuredTechnology

Technology = Annotated[str, typer.Option(help="screen, transfers, keys or routing")]


def import_study(study: Path) -> None:
    """Freeze a baseline (nulpunktsmåling) of keys from a time study."""
    _import(study, "keys")


def import_baseline(study: Path, technology: Technology = "keys") -> None:
    """Freeze a baseline (nulpunktsmåling) of any technology from its measurements (docs/benefits.md)."""
    _import(study, technology)


def measure_baseline(
    unit: Annotated[str, typer.Option(help="Unit.")],
    from_: Annotated[datetime, typer.Option("--from", help="YYYY-MM-DD", formats=["%Y-%m-%d"])],
    to: Annotated[datetime, typer.Option(help="YYYY-MM-DD", formats=["%Y-%m-%d"])],
    technology: Technology = "screen",
) -> None:
    """Freeze a baseline from what the log tells of the time before a technology (docs/benefits.md)."""
    from sqlmodel import select  # noqa: PLC0415 - heavy: imported where it is used

    from devices.keys.signing import load_or_create_secret  # noqa: PLC0415 - heavy: imported where it is used
    from metrics.before.measuring import freeze_from_log  # noqa: PLC0415 - heavy: imported where it is used
    from metrics.pseudonyms import Pseudonyms  # noqa: PLC0415 - heavy: imported where it is used
    from scheduling.register.tables import UnitRow  # noqa: PLC0415 - heavy: imported where it is used

    measured = _measured(technology)
    key = load_or_create_secret(load_settings().work_dir / "pseudonym.key")
    with database_work() as work:
        units = set(work.session.exec(select(UnitRow.id)).all())
        if unit not in units:
            _refuse(f"Expected --unit {'|'.join(sorted(units))}, got {unit}.")
        for row in freeze_from_log(work, unit, from_.date(), to.date(), Pseudonyms(key), measured):
            _say(row)


def carry_baseline(
    from_: Annotated[list[str], typer.Option("--from", help="A unit that ended; one or more.")],
    to: Annotated[str, typer.Option(help="The unit they were merged into.")],
    technology: Technology = "keys",
) -> None:
    """Freeze what merged units were measured on as the baseline of the unit they became (docs/benefits.md)."""
    from sqlmodel import select  # noqa: PLC0415 - heavy: imported where it is used

    from metrics.carried_baselines import carry_baselines  # noqa: PLC0415 - heavy: imported where it is used
    from scheduling.register.tables import UnitRow  # noqa: PLC0415 - heavy: imported where it is used

    measured = _measured(technology)
    with database_work() as work:
        units = set(work.session.exec(select(UnitRow.id)).all())
        if to not in units:
            _refuse(f"Expected --to {'|'.join(sorted(units))}, got {to}.")
        for row in carry_baselines(work, measured, from_, to):
            _say(row)


def _import(study: Path, technology: str) -> None:
    from sqlmodel import select  # noqa: PLC0415 - heavy: imported where it is used

    from devices.keys.signing import load_or_create_secret  # noqa: PLC0415 - heavy: imported where it is used
    from metrics.baselines import import_time_study  # noqa: PLC0415 - heavy: imported where it is used
    from metrics.pseudonyms import Pseudonyms  # noqa: PLC0415 - heavy: imported where it is used
    from scheduling.register.tables import UnitRow  # noqa: PLC0415 - heavy: imported where it is used

    measured = _measured(technology)
    key = load_or_create_secret(load_settings().work_dir / "pseudonym.key")
    with database_work() as work:
        units = set(work.session.exec(select(UnitRow.id)).all())
        frozen = import_time_study(
            work, study.read_bytes(), known_units=units, pseudonyms=Pseudonyms(key), technology=measured
        )
        for row in frozen:
            _say(row)


def _say(row: "BaselineRow") -> None:
    typer.echo(f"{row.unit_id} {row.kind}: {row.mean_s / 60:.1f} min, n {row.occasion_count}")


def _measured(technology: str) -> "MeasuredTechnology":
    """The technology of an option; ends the command where nothing of it can be measured."""
    from metrics.time_study import COLUMNS  # noqa: PLC0415 - heavy: imported where it is used

    found = next((name for name in COLUMNS if name == technology), None)
    if found is None:
        _refuse(f"Expected --technology {'|'.join(COLUMNS)}, got {technology}.")
    return found


def _refuse(text: str) -> NoReturn:
    typer.echo(text, err=True)
    sys.exit(2)
