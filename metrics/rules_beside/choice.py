"""Which version of a rule counts, which stand beside it, and what a month is by each of them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete
from sqlmodel import Session, col, select

from kernel.work import Work
from metrics import store
from metrics.errors import BenefitError
from metrics.events import RuleChosen
from metrics.rule_versions import CURRENT_RULES, RULES
from metrics.rules_beside.tables import RuleBesideRow
from metrics.suppression import Cell, withhold
from metrics.tables import EntryRow


@dataclass(frozen=True, slots=True)
class ByRule:
    """What a unit saved by one version of a rule; ``net_s`` is withheld where few subjects stand behind it."""

    unit_id: str
    rule_version: str
    net_s: int | None
    occasion_count: int | None


def rules_beside(session: Session) -> set[str]:
    """The versions that are written and do not count."""
    return set(session.exec(select(RuleBesideRow.rule_version)).all())


def current_rules(session: Session) -> dict[str, str]:
    """The version that counts, by technology."""
    beside = rules_beside(session)
    return {
        technology: next((version for version in versions if version not in beside), CURRENT_RULES[technology])
        for technology, versions in RULES.items()
    }


def choose_rule(work: Work, rule_version: str, by_role: str) -> None:
    """Let one version of a rule count from now on, for every day there are entries of; the others stand beside it.

    Months that are closed keep the figures and the version they were closed with.

    Raises
    ------
    BenefitError
        ``rule_unknown``; nothing is changed.
    """
    technology = _technology_of(rule_version)
    work.session.execute(delete(RuleBesideRow).where(col(RuleBesideRow.technology) == technology))
    _set_beside(work, technology, rule_version, by_role)
    work.record(RuleChosen(at=work.now, technology=technology, rule_version=rule_version, by_role=by_role))


def write_beside(work: Work, rule_version: str, by_role: str) -> str:
    """Have a version written beside the one that counts. Returns its technology.

    Raises
    ------
    BenefitError
        ``rule_unknown``; nothing is changed.
    """
    technology = _technology_of(rule_version)
    known = select(RuleBesideRow).where(RuleBesideRow.technology == technology)
    if work.session.exec(known).first() is None:
        _set_beside(work, technology, CURRENT_RULES[technology], by_role)
    return technology


def net_by_rule(session: Session, technology: str, rule_version: str, from_on: date, to_on: date) -> list[ByRule]:
    """A period by one version of a rule, whether or not it is the one that counts, unit by unit.

    Raises
    ------
    BenefitError
        ``rule_unknown``.
    """
    if _technology_of(rule_version) != technology:
        raise BenefitError("rule_unknown", rule=rule_version, known=", ".join(RULES.get(technology, ())))
    query = select(EntryRow.unit_id, EntryRow.subject, EntryRow.net_s).where(
        store.is_unreplaced(),
        EntryRow.technology == technology,
        EntryRow.rule_version == rule_version,
        EntryRow.outcome == "counted",
        EntryRow.day_on >= from_on,
        EntryRow.day_on <= to_on,
    )
    nets: dict[str, list[int]] = defaultdict(list)
    subjects: dict[str, set[str]] = defaultdict(set)
    for unit_id, subject, net_s in session.exec(query):
        nets[unit_id].append(net_s or 0)
        subjects[unit_id].add(subject)
    # There is no total here, but the report shows one of the same days.
    everybody = set[str]().union(*subjects.values())
    hidden = withhold([Cell(unit, len(of_it)) for unit, of_it in subjects.items()], len(everybody)).keys
    return [
        ByRule(unit, rule_version, None, None)
        if unit in hidden
        else ByRule(unit, rule_version, sum(nets[unit]), len(nets[unit]))
        for unit in sorted(nets)
    ]


def _set_beside(work: Work, technology: str, counts: str, by_role: str) -> None:
    others = [version for version in RULES[technology] if version != counts]
    work.session.add_all(
        RuleBesideRow(rule_version=version, technology=technology, by_role=by_role, since_at=work.now)
        for version in others
    )


def _technology_of(rule_version: str) -> str:
    for technology, versions in RULES.items():
        if rule_version in versions:
            return technology
    known: Mapping[str, tuple[str, ...]] = RULES
    raise BenefitError("rule_unknown", rule=rule_version, known=", ".join(v for of_it in known.values() for v in of_it))
