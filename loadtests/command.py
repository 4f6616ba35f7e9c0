"""``omsorgstid loadtest``: run, write the verdict as text, JSON and page, and end with a status."""

import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.load_verdict import FOLDER, Line, Verdict
from gateway.settings import Settings
from kernel.localtime import clock_text, local_day, number_text
from loadtests.parts import PartMissingError
from loadtests.platform import PlatformError
from loadtests.profile import ProfileError
from loadtests.run import Wanted, load_test, write
from loadtests.world import NotADemoError

READY, NOT_READY, NO_RUN = 0, 3, 2
_UNITS = {"ms": "ms", "s": "s", "ratio": "", "count": ""}


def run_command(
    settings: Settings, profile: str, urls: tuple[str, ...], out: Path | None, profiles: Path | None, seed: int
) -> int:
    """Run a profile. Returns 0 for ready, 3 for not ready, 2 where there was no run."""
    try:
        verdict = load_test(settings, Wanted(profile, seed, urls, profiles))
    except (ProfileError, PartMissingError, PlatformError, NotADemoError) as err:
        print(err, file=sys.stderr)
        return NO_RUN
    folder = out or settings.work_dir / FOLDER
    said = as_text(verdict)
    write(verdict, folder, [("verdict.txt", said), ("verdict.html", as_page(verdict))])
    print(said)
    print(f"{folder}/verdict.txt, verdict.json, verdict.html", file=sys.stderr)
    return READY if verdict.ready else NOT_READY


def as_text(verdict: Verdict) -> str:
    """The verdict for a terminal, in Danish."""
    machine = verdict.machine
    on, clock = local_day(verdict.started_at), clock_text(verdict.started_at)
    rows = [f"{verdict.title_da} ({verdict.profile}), {on} kl. {clock}", "", heading(verdict).upper(), ""]
    rows += [_row(line) for line in verdict.lines]
    rows += ["", "Hvad det tog af maskinen (CPU i alt, andel af alle kerner, mest hukommelse):"]
    for share in verdict.shares:
        kind = "belastning" if share.generator else "platform"
        ratio = number_text(share.cpu_ratio * 100, 1)
        cpu, memory = number_text(share.cpu_s, 1), number_text(share.memory_mib, 0)
        rows.append(f"  {share.name:<12} {kind:<10} {cpu:>8} s {ratio:>6} % {memory:>6} MiB")
    rows.append(
        f"  {machine.cores} kerner i {number_text(machine.wall_s, 0)} s: belastning "
        f"{number_text(machine.generator_ratio * 100, 1)} %, "
        f"platform {number_text(machine.platform_ratio * 100, 1)} %, "
        f"andre {number_text(machine.others_ratio * 100, 1)} %; kalibrering "
        f"{number_text(machine.calibration_before_ms, 0)} ms før, "
        f"{number_text(machine.calibration_after_ms, 0)} ms efter"
    )
    if verdict.failures:
        rows += ["", "Hvad der fejlede:", *(f"  {count:>6} × {said}" for said, count in verdict.failures)]
    return "\n".join(rows) + "\n"


def heading(verdict: Verdict) -> str:
    """What it comes to, with measured against limit and when it broke."""
    first = verdict.first
    if first is None:
        return verdict.heading("da")
    when = f" efter {number_text(first.broke_at_s, 0)} s" if first.broke_at_s is not None else ""
    return f"{verdict.heading('da')} – målt {_number(first, first.measured)}, højst {_number(first, first.limit)}{when}"


def as_page(verdict: Verdict) -> str:
    """The verdict as one file that needs nothing else."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["number"] = number_text
    template = environment.get_template("verdict.html")
    return template.render(verdict=verdict, heading=heading(verdict), number=_number, clock=clock_text)


def _row(line: Line) -> str:
    mark = "ok   " if line.ok else "BRUDT"
    measured, limit = _number(line, line.measured), _number(line, line.limit)
    return f"  {mark} {line.da:<62} {measured:>12} højst {limit:>10}  n {line.samples}"


def _number(line: Line, value: float | None) -> str:
    if value is None:
        return "ikke målt" if line.samples == 0 else "aldrig"
    decimals = {"ms": 0, "s": 1, "ratio": 4, "count": 0}[line.unit]
    return f"{number_text(value, decimals)} {_UNITS[line.unit]}".strip()
