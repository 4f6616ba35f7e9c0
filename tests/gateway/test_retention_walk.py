"""The walk back over HTTP where evidence was deleted: its receipt stands where the event stood."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from sqlmodel import col, select

from gateway.pins import hash_pin
from gateway.tables import IdentityRow
from gateway.usecases.retention import EventsRule, erase_due
from kernel.clock import SimulatedWorldClock
from kernel.localtime import number_text
from kernel.seals import seal_next
from kernel.seals_check import erased_positions
from kernel.tables import EventRow
from metrics.tables import EntryRow
from tests.gateway.benefits_town import BenefitsTown, benefits_town
from tests.gateway.web import Person

PURPOSE = "kontrol af slettede hændelser"


def entry_page(person: Person, entry_id: int | None) -> str:
    """The page of one ledger entry, as a browser shows it."""
    answer = person.get(f"/leder/post/{entry_id}")
    assert answer.status == 200, answer.content
    return re.sub(r"\s+", " ", answer.content.decode())


def drift_page(town: BenefitsTown) -> str:
    """Drift, as operations see it."""
    with town.runtime.units.begin() as work:
        pin_hash = hash_pin("1234")
        work.session.add(
            IdentityRow(id="ops", role="operations", name="Drift", unit_ids=[], pin_hash=pin_hash, demo=True)
        )
    person = Person(town.server.port, "operations")
    assert person.sign_in("ops").status == 200
    answer = person.get("/drift")
    person.close()
    assert answer.status == 200, answer.content
    return answer.content.decode()


def erased_places(town: BenefitsTown) -> set[int]:
    """The places of the log that receipts account for."""
    with town.runtime.database.reading() as session:
        return set(erased_positions(session))


def test_an_entry_whose_evidence_was_deleted_shows_rule_day_and_receipt_and_the_figure_stays(tmp_path: Path) -> None:
    with benefits_town(tmp_path) as town:
        auditor = town.person("auditor")
        auditor.hold("purpose", quote(PURPOSE))
        with town.runtime.database.reading() as session:
            entry = session.exec(
                select(EntryRow).where(EntryRow.technology == "keys", EntryRow.outcome == "counted")
            ).first()
            assert entry is not None
            young = session.exec(select(EventRow.at).order_by(col(EventRow.at).desc()).limit(1)).one()
        before = entry_page(auditor, entry.id)
        assert "kvittering" not in before
        while seal_next(town.runtime.units):
            pass

        assert isinstance(town.runtime.clock, SimulatedWorldClock)
        town.runtime.clock.advance_to(young + timedelta(days=10))
        days = 5
        while erase_due(town.runtime.units, EventsRule(), days, 0.0):
            pass

        after = entry_page(auditor, entry.id)
        assert f"efter reglen {days} dage (event_days), kvittering 1" in after
        for position in entry.evidence:
            assert f"position {position}<" in after
        figure = re.search(r"<b>[^<]*min</b>", before)
        assert figure is not None
        assert figure[0] in after
        auditor.close()
        drift = drift_page(town)
        assert f'<td>Hændelser</td><td class="tabular">{number_text(len(erased_places(town)))}</td>' in drift
        assert f'<td>{days} dage (event_days)</td><td class="tabular">1' in drift
        assert "Aldrig" in drift
