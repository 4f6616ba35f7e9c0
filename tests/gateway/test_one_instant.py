"""The manager's figures while others write: what is computed from many statements is of one instant."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.pages.manager_choice import choice_for
from gateway.pages.overview_figures import overview_figures
from gateway.parts import Benefits
from kernel.database import Database
from metrics.business_case import load_cases
from metrics.one_instant import one_instant
from tests.databases import PostgresDatabases
from tests.metrics.all_technologies import RESIDENCE, WholeWorld, adoptions
from tests.metrics.world import UNITS

RENAMED = ("benefit_entry", "benefit_subject_sum", "benefit_baseline_sample")


class RenamesOnce:
    """Gives every subject another pseudonym, in one transaction, as soon as somebody has read the first sums."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.done = False
        event.listen(database.engine, "after_cursor_execute", self._after)

    def _after(self, _connection: Any, _cursor: Any, statement: str, *_rest: object) -> None:
        if self.done or "benefit_subject_sum" not in statement:
            return
        self.done = True
        with self.database.writing() as session:
            for table in RENAMED:
                session.execute(text(f"UPDATE {table} SET subject = '-' || subject"))


@pytest.mark.postgres
def test_figures_are_of_one_instant_while_subjects_get_other_pseudonyms(
    postgres_databases: PostgresDatabases, tmp_path: Path
) -> None:
    with postgres_databases.empty() as database:
        world = WholeWorld(tmp_path, database=database)
        world.live_three_weeks(driving=False)
        now = world.clock.now()
        choice = choice_for(Benefits(load_cases(), adoptions()), [*UNITS, RESIDENCE], now)
        with one_instant(database) as session:
            before = overview_figures(session, choice, now)
        renames = RenamesOnce(database)
        with one_instant(database) as session:
            meanwhile = overview_figures(session, choice, now)
        assert renames.done
        assert meanwhile == before
        with database.reading() as session:
            # Whoever reads afterwards may write again: the connection is as it was.
            assert session.execute(text("SHOW transaction_isolation")).scalar_one() == "read committed"
            assert overview_figures(session, choice, now).seen == before.seen
