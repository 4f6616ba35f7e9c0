"""The check beside the waterfall: sampled days shared between their technologies by Shapley, with its error."""

from dataclasses import dataclass

from sqlmodel import Session

from gateway.pages.manager_choice import Choice
from gateway.pages.manager_waterfall import Picture
from metrics.split.store import SplitSum, split_sums
from metrics.technologies import Technology


@dataclass(frozen=True, slots=True)
class SplitCheck:
    """Both ways of counting over the sampled days, by technology; empty where no day was sampled."""

    sums: tuple[SplitSum, ...]

    @property
    def unlike(self) -> tuple[Technology, ...]:
        """The technologies whose two figures lie further apart than twice the replay's error."""
        return tuple(one.technology for one in self.sums if abs(one.split_s - one.ledger_s) > 2 * one.error_s)


def split_check(session: Session, choice: Choice, picture: Picture) -> SplitCheck:
    """The sampled days of the units on the page, of the technologies whose step is shown."""
    shown = [step.technology for step in picture.steps if step.net_s is not None]
    units = {unit.unit_id for technology in shown for unit in choice.shown(technology)}
    if not units:
        return SplitCheck(())
    return SplitCheck(tuple(split_sums(session, units, choice.period.from_on, choice.period.to_on, shown)))
