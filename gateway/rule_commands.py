"""``omsorgstid rules``: versions of a rule side by side in the ledger, and which of them counts."""

from datetime import datetime
from typing import Annotated

import typer

from gateway.command_work import database_work
from kernel.localtime import number_text
from metrics.technologies import TECHNOLOGIES, Technology

rules_app = typer.Typer(no_args_is_help=True, help="Versions of a rule side by side, and which one counts.")
BY_ROLE = "operations"
Rule = Annotated[str, typer.Argument(help="A version, for example keys-2.")]
From = Annotated[datetime, typer.Option("--from", help="YYYY-MM-DD", formats=["%Y-%m-%d"])]
To = Annotated[datetime, typer.Option(help="YYYY-MM-DD", formats=["%Y-%m-%d"])]


@rules_app.command("list")
def list_rules() -> None:
    """Every version there is, and which one counts."""
    from metrics.rule_versions import RULES  # noqa: PLC0415 - heavy: imported where it is used
    from metrics.rules_beside.choice import current_rules, rules_beside  # noqa: PLC0415 - heavy: imported where it is used

    with database_work() as work:
        current, beside = current_rules(work.session), rules_beside(work.session)
    for technology, versions in RULES.items():
        for version in versions:
            state = "counts" if version == current[technology] else "beside" if version in beside else "not written"
            typer.echo(f"{technology} {version}: {state}")


@rules_app.command("judge")
def judge(rule: Rule, from_: From, to: To) -> None:
    """Write a version beside the one that counts: from now on, and for the shifts or weeks of a period."""
    from metrics.rules_beside.choice import write_beside  # noqa: PLC0415 - heavy: imported where it is used
    from metrics.screen_weeks_ledger import judge_stored_weeks  # noqa: PLC0415 - heavy: imported where it is used
    from metrics.service import judge_stored_shifts  # noqa: PLC0415 - heavy: imported where it is used

    judged = {"keys": (judge_stored_shifts, "shifts"), "screen": (judge_stored_weeks, "weeks")}
    with database_work() as work:
        technology = write_beside(work, rule, BY_ROLE)
        count, occasions = 0, "occasions"
        if technology in judged:
            judge_stored, occasions = judged[technology]
            count = judge_stored(work, from_.date(), to.date())
    typer.echo(f"{rule}: {count} {occasions} judged")


@rules_app.command("choose")
def choose(rule: Rule) -> None:
    """Let a version count; months that are closed stay as they were closed."""
    from metrics.rules_beside.choice import choose_rule  # noqa: PLC0415 - heavy: imported where it is used

    with database_work() as work:
        choose_rule(work, rule, BY_ROLE)
    typer.echo(f"{rule} counts")


@rules_app.command("show")
def show(rule: Rule, from_: From, to: To) -> None:
    """A period by one version, unit by unit, whether or not it counts."""
    from metrics.rules_beside.choice import net_by_rule  # noqa: PLC0415 - heavy: imported where it is used

    technology: Technology = next((t for t in TECHNOLOGIES if rule.startswith(f"{t}-")), "keys")
    with database_work() as work:
        rows = net_by_rule(work.session, technology, rule, from_.date(), to.date())
    for row in rows:
        if row.net_s is None:
            typer.echo(f"{row.unit_id} {rule}: fewer than five, not shown")
        else:
            typer.echo(f"{row.unit_id} {rule}: {number_text(row.net_s / 60)} min, n {row.occasion_count}")
