"""``omsorgstid``: the command line (design §5.1)."""

import atexit
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.adoption import load_benefits
from gateway.baseline_commands import carry_baseline, import_baseline, import_study, measure_baseline
from gateway.case_commands import cases_app
from gateway.command_work import database_work as _database_work
from gateway.log import configure
from gateway.rule_commands import rules_app
from gateway.settings import WrongSettingError, load_settings
from gateway.visit_commands import generate_day, import_day, import_visits
from kernel.errors import DomainError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Omsorgstid: doors, routes, visits, minutes.",
)
app.add_typer(cases_app, name="cases")
app.add_typer(rules_app, name="rules")
app.command("import-day")(import_day)
app.command("import-visits")(import_visits)
app.command("generate-day")(generate_day)
app.command("import-study")(import_study)
app.command("import-baseline")(import_baseline)
app.command("measure-baseline")(measure_baseline)
app.command("carry-baseline")(carry_baseline)
Day = Annotated[Path, typer.Argument(help="Day file or HHCRSP instance.", exists=True, dir_okay=False)]


def main() -> None:
    """Run a command; a wrong setting or input ends with a sentence that names it."""
    _spare_the_collector()
    try:
        app()
    except WrongSettingError as err:
        _fail(str(err), 2)
    except DomainError as err:
        problems = getattr(err, "problems", ())
        _fail(
            "\n".join([str(err), *(f"  {p.path}: expected {p.expected}, found {p.found}" for p in problems)]),
            1,
        )


def _spare_the_collector() -> None:
    # Loading makes a million objects that stay: looking through them again and again, and once more at the end, was
    # a third of what a short command took.
    gc.set_threshold(50_000, 10, 10)
    atexit.register(gc.freeze)


@app.command()
def demo(
    exit_: Annotated[bool, typer.Option("--exit", help="End with the benefit table.")] = False,
    seed: Annotated[int, typer.Option(help="Same seed, same table.")] = 1,
    day: Annotated[
        Path | None, typer.Option(help="Live this day file or HHCRSP instance.", exists=True, dir_okay=False)
    ] = None,
    speed: Annotated[float, typer.Option(help="World seconds per second.")] = 60.0,
    history: Annotated[bool, typer.Option(help="Build the weeks before today.")] = True,
    small: Annotated[bool, typer.Option("--small", help="A tenth of the municipality and two weeks of it.")] = False,
    lists: Annotated[
        Path | None, typer.Option(help="Write the emergency lists into this folder.", file_okay=False)
    ] = None,
) -> None:
    """The whole platform on embedded parts: a simulated municipality lives its day."""
    from gateway.demo.run import DemoOptions, run_demo

    configure("warning")
    raise typer.Exit(
        run_demo(load_settings(), DemoOptions(exit_, seed, day, speed, history, "small" if small else "full", lists))
    )


@app.command()
def serve() -> None:
    """Gateway: pages, API, event streams."""
    _run(web=True)


@app.command()
def ingest() -> None:
    """MQTT ingest and sequencer."""
    _run(ingest=True)


@app.command()
def worker() -> None:
    """Celery worker and ledgers."""
    # Figures and plans give way to doors.
    os.nice(10)
    _run(work=True)


@app.command()
def signer(
    wait_s: Annotated[float, typer.Option("--wait", help="Seconds to wait for a migrated database.")] = 60.0,
) -> None:
    """The grant signer, the only holder of the issuer key."""
    from devices.keys.signer.book import wait_for_log
    from devices.keys.signer.model import Quotas, SignerSettings
    from devices.keys.signer.server import serve_signer
    from gateway.runtime import signer_address, signer_secret

    configure()
    settings = load_settings()
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    if not wait_for_log(settings.database_url, wait_s):
        _fail(
            f"The database is away or not migrated after {wait_s:g} s: start serve, ingest or worker; they migrate it.",
            1,
        )
    serve_signer(
        SignerSettings(
            address=signer_address(settings),
            database_url=settings.database_url,
            key_file=settings.work_dir / "issuer.key",
            secret_file=signer_secret(settings),
            log_file=settings.work_dir / "signer.log",
            quotas=Quotas(settings.signer.per_carer_hour, settings.signer.per_unit_hour),
        )
    )


@app.command()
def acl(out: Annotated[Path | None, typer.Option(help="File; else standard output.")] = None) -> None:
    """Who may say what at the broker: mosquitto's access file, from the register of devices."""
    from devices.acl import acl_text, speakers, write_acl

    with _database_work() as work:
        text = acl_text(speakers(work.session))
    if out is None:
        print(text, end="")
    else:
        write_acl(out, text)


@app.command("broker-certs")
def broker_certs(
    directory: Annotated[Path, typer.Argument(help="Of the authority; made where it is missing.")],
    host: Annotated[list[str] | None, typer.Option(help="Name or address of the broker: its certificate.")] = None,
    client: Annotated[list[str] | None, typer.Option(help="gateway, or {kind}-{id} of a device.")] = None,
    request: Annotated[
        Path | None, typer.Option(help="Signing request of the one --client, which has its own key.", exists=True)
    ] = None,
) -> None:
    """Certificates for the broker and those it lets in (docs/mqtt.md)."""
    from devices.certificates import Authority
    from kernel.clock import SystemWorldClock

    now = SystemWorldClock().now()
    try:
        authority = Authority.load_or_create(directory, now)
        if host:
            authority.server(directory, host, now)
        if request is not None and len(client or []) != 1:
            raise ValueError(f"expected one --client with --request, got {len(client or [])}")
        for name in client or []:
            if request is None:
                authority.client(directory, name, now)
            else:
                (directory / f"{name}.crt").write_bytes(authority.client_for(request.read_bytes(), name, now))
    except ValueError as err:
        _fail(str(err), 2)
    made = [*(["server"] if host else []), *(client or [])]
    print(f"{directory}: {', '.join(f'{name}.crt' for name in ['ca', *made])}")


@app.command()
def export() -> None:
    """Benefit exporter for Prometheus: one process that reads the ledger."""
    from gateway.operation_gauges import OperationCollector
    from kernel.clock import SystemWorldClock
    from metrics.exporter import serve_exporter

    configure()
    settings = load_settings()
    benefits = load_benefits(settings)
    if benefits is None:
        _fail("No business case is adopted yet: write adoption.yaml (docs/operations.md).", 2)
        return
    server = serve_exporter(
        settings.database_url,
        settings.benefits.exporter_port,
        clock=SystemWorldClock(),
        cases=benefits.cases,
        adoptions=benefits.adoptions,
        beside=[OperationCollector],
    )
    _until_told_to_stop(server.close)


@app.command()
def plan(
    day: Day,
    seconds: Annotated[float, typer.Option(help="Upper bound of the time.")] = 60.0,
    moves: Annotated[int | None, typer.Option(help="Moves to try; makes the plan repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Same day, moves and seed: same plan.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Write the plan here instead of standard output.")] = None,
) -> None:
    """Plan a day file or an HHCRSP instance (then the output is the HHCRSP solution format)."""
    from gateway.plan_output import left_over_lines, plan_json
    from scheduling.day_file import load_day
    from scheduling.solver import solve_day

    loaded = load_day(day, hhcrsp_on=date.today())  # noqa: DTZ011 - the instance has no date of its own
    solved = solve_day(loaded, moves=moves, seconds=seconds, seed=seed)
    _write(plan_json(loaded, solved), out)
    done = sum(len(r.stops) for r in solved.routes)
    print(
        f"{done} visits planned, {len(solved.unallocated)} left over, cost {solved.cost_min:.2f} min",
        *left_over_lines(loaded, solved),
        sep="\n",
        file=sys.stderr,
    )


@app.command("export-day")
def export_day(
    on: Annotated[datetime, typer.Argument(help="YYYY-MM-DD", formats=["%Y-%m-%d"])], out: Path | None = None
) -> None:
    """Write a stored day as a day file."""
    from scheduling import day_store
    from scheduling.day_file import dump_day

    with _database_work() as work:
        content = dump_day(day_store.load_day(work.session, on.date()))
    _write(content, out)


@app.command()
def targets(json_: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Business-case targets, each with document and line."""
    from gateway.adoption import cases_of
    from gateway.target_table import target_text, targets_json
    from metrics.targets import targets_table

    cases = cases_of(load_settings())
    rows = targets_table(cases)
    if json_:
        print(json.dumps(targets_json(cases, rows), ensure_ascii=False, indent=2))
        return
    print(target_text(cases, rows), end="")


@app.command()
def benefits(
    from_: Annotated[str | None, typer.Option("--from", help="YYYY-MM-DD")] = None,
    to: Annotated[str | None, typer.Option(help="YYYY-MM-DD")] = None,
    format_: Annotated[str, typer.Option("--format", help="table, json, csv or xlsx")] = "table",
    reading: Annotated[str, typer.Option(help="stated or implied")] = "stated",
    out: Annotated[Path | None, typer.Option(help="File; needed for xlsx.")] = None,
) -> None:
    """Realised against target with interval and evidence grade."""
    from kernel.clock import SystemWorldClock
    from kernel.localtime import local_day
    from metrics import report_formats
    from metrics.report import all_benefits

    settings = load_settings()
    loaded = load_benefits(settings)
    if loaded is None:
        _fail("No business case is adopted yet: write adoption.yaml (docs/operations.md).", 2)
        return
    writers: dict[str, Callable[[Any], str | bytes]] = {
        "table": report_formats.table_text,
        "json": report_formats.to_json,
        "csv": report_formats.to_csv,
        "xlsx": report_formats.to_xlsx,
    }
    if format_ not in writers or reading not in ("stated", "implied"):
        _fail(
            f"Expected --format table|json|csv|xlsx and --reading stated|implied, got {format_}, {reading}.",
            2,
        )
    now = SystemWorldClock().now()
    last = date.fromisoformat(to) if to else local_day(now)
    first = date.fromisoformat(from_) if from_ else last - timedelta(days=27)
    with _database_work() as work:
        rows = all_benefits(
            work.session,
            from_on=first,
            to_on=last,
            cases=loaded.cases,
            adoptions=loaded.adoptions,
            reading="implied" if reading == "implied" else "stated",
            now=now,
        )
    content = writers[format_](rows)
    _write(content if isinstance(content, bytes) else content.encode(), out)


@app.command()
def loadtest(
    profile: Annotated[str, typer.Argument(help="smoke, centre, city, or one of --profiles.")],
    url: Annotated[list[str] | None, typer.Option(help="Address of a platform with these settings.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the verdict; else load/ in the work directory.")] = None,
    profiles: Annotated[Path | None, typer.Option(help="Another file.", exists=True, dir_okay=False)] = None,
    seed: Annotated[int, typer.Option(help="Which invented municipality.")] = 1,
) -> None:
    """Load a platform and say whether it is ready for rollout (docs/load.md). Status 0 ready, 3 not."""
    try:
        from loadtests.command import run_command
    except ImportError as err:
        _fail(f"The load generator is not installed ({err.name}): run make load PROFILE={profile} in a checkout.", 2)
        return
    configure("warning")
    raise typer.Exit(run_command(load_settings(), profile, tuple(url or ()), out, profiles, seed))


@app.command()
def verify(
    from_: Annotated[str | None, typer.Option("--from", help="YYYY-MM-DD: what was sealed from this day on.")] = None,
    to: Annotated[str | None, typer.Option(help="YYYY-MM-DD: … and up to this one.")] = None,
    seals: Annotated[
        Path | None, typer.Option(help="Folder of exported daily roots; else the work directory's.", file_okay=False)
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Public audit key as somebody else kept it.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Recompute seals, daily roots, locks' chains and the ledger's evidence. Status 0 no fault, 1 faults."""
    from gateway.verify_command import verify_database

    configure("warning")
    report, faults = verify_database(load_settings(), from_, to, seals, key)
    print("\n".join(report))
    raise typer.Exit(1 if faults else 0)


@app.command()
def doctor() -> None:
    """Check settings and parts; every fault comes with its remedy."""
    from gateway.doctor import examine

    faults = 0
    for finding in examine(load_settings()):
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.part}: {finding.detail}")
        if not finding.ok:
            faults += 1
            print(f"      {finding.remedy}")
    raise typer.Exit(1 if faults else 0)


def _run(*, web: bool = False, ingest: bool = False, work: bool = False) -> None:
    from gateway.memory import spare_the_collector
    from gateway.runtime import Duties, Runtime

    if web:
        # Routers and pages are half of the program: who serves none does not carry them.
        from gateway.app import create_app
        from gateway.web_server import WebServer

    configure()
    settings = load_settings()
    runtime = Runtime(settings, Duties(web=web, ingest=ingest, work=work, signer=False))
    spare_the_collector()
    runtime.start()
    if not web:
        _until_told_to_stop(runtime.stop)
        return
    server = WebServer(create_app(runtime.parts), settings.http.host, settings.http.port)
    server.start()

    def stop() -> None:
        server.stop()
        runtime.stop()

    _until_told_to_stop(stop)


def _until_told_to_stop(stop: Callable[[], None]) -> None:
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    try:
        signal.pause()
    except (KeyboardInterrupt, SystemExit):
        print("stopping", file=sys.stderr)
    finally:
        stop()


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
    else:
        out.write_bytes(content)


def _fail(text: str, status: int) -> None:
    print(text, file=sys.stderr)
    sys.exit(status)
