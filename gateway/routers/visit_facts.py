"""What a tablet tells of visits: one fact as it happens, or many at once that waited for a network."""

from typing import Annotated, Any, Literal

from fastapi import Depends
from pydantic import AwareDatetime, BaseModel, Field

from gateway.auth import Role, Who, require
from gateway.deps import FactKey, PartsDep, WorkDep, answer_once, once, own_carer
from gateway.errors import EdgeError, refusal
from gateway.routing import Router
from gateway.usecases import screen_visits
from gateway.views.my_day import visit_json
from kernel.errors import DomainError
from kernel.work import UnitsOfWork, Work
from scheduling import visits
from scheduling.events import Outcome

router = Router(prefix="/api/v1/me", tags=["tablet"])
Carer = Annotated[Who, Depends(require(Role.CARER))]
#: a shift has some forty facts of visits; a tablet with more sends the rest in its next request
TOLD_AT_ONCE = 60


class BeginVisit(BaseModel):
    """When, if the tablet was offline."""

    at: AwareDatetime | None = None

    def about(self, visit_id: str) -> str:
        """What is told. Not when: a repeat says the time that the first attempt left to the server."""
        return f"begin {visit_id}"

    def tell(self, work: Work, carer_id: str, visit_id: str) -> dict[str, Any]:
        """The visit begins by a tap, where no door told."""
        begin = visits.VisitBegin(visit_id, carer_id, self.at or work.now, "manual")
        return visit_json(visits.begin_visits(work, [begin])[0])


class EndVisit(BaseModel):
    """How it went; an outcome is required."""

    outcome: Outcome
    at: AwareDatetime | None = None
    note: str | None = Field(default=None, max_length=2000)

    def about(self, visit_id: str) -> str:
        """As :meth:`BeginVisit.about`."""
        return f"end {visit_id} {self.outcome} {self.note or ''}"

    def tell(self, work: Work, carer_id: str, visit_id: str) -> dict[str, Any]:
        """The visit ends with its outcome; one that was rung ends with its call and not here."""
        screen_visits.require_outcome(work.session, visit_id)
        end = visits.VisitEnd(visit_id, carer_id, self.at or work.now, self.outcome, self.note)
        return visit_json(visits.end_visits(work, [end])[0])


class _Kept(BaseModel):
    key: str = Field(min_length=1, max_length=96, description="The Idempotency-Key of the fact.")
    visit_id: str


class KeptBegin(_Kept, BeginVisit):
    """A visit began while there was no network."""

    kind: Literal["visit_begin"]


class KeptEnd(_Kept, EndVisit):
    """A visit ended while there was no network."""

    kind: Literal["visit_end"]


Kept = Annotated[KeptBegin | KeptEnd, Field(discriminator="kind")]


class KeptFacts(BaseModel):
    """What a tablet kept, in the order in which it happened."""

    facts: list[Kept] = Field(min_length=1, max_length=TOLD_AT_ONCE)


class ToldFact(BaseModel):
    """The answer to one of them: what the fact alone would have been answered."""

    key: str
    status: int
    body: dict[str, Any] = Field(description="The visit, or a problem document (RFC 9457).")


class ToldFacts(BaseModel):
    """The answers, in the same order."""

    answers: list[ToldFact]


@router.post("/visits/{visit_id}/begin")
def begin_visit(who: Carer, work: WorkDep, visit_id: str, body: BeginVisit, key: FactKey = None) -> Any:
    """Start besøg by a tap, where no door told."""
    carer_id = own_carer(who.carer_id)
    return once(work, key, carer_id, body.about(visit_id), lambda: body.tell(work, carer_id, visit_id))


@router.post("/visits/{visit_id}/end")
def end_visit(who: Carer, work: WorkDep, visit_id: str, body: EndVisit, key: FactKey = None) -> Any:
    """Afslut besøg with an outcome."""
    carer_id = own_carer(who.carer_id)
    return once(work, key, carer_id, body.about(visit_id), lambda: body.tell(work, carer_id, visit_id))


@router.post("/facts")
def tell_kept(who: Carer, parts: PartsDep, body: KeptFacts) -> ToldFacts:
    """What waited for a network, told at once: each has its own key and its own answer, one that is refused stops none.

    After an outage every tablet has a dozen of them; together they cost one request and one commit.
    """
    carer_id = own_carer(who.carer_id)
    try:
        with parts.units.begin() as work:
            answers = [_tell(work, carer_id, fact) for fact in body.facts]
    except (DomainError, EdgeError):
        # nothing of the whole was kept: now each for itself, so that the refused one is known and the others count
        answers = [_tell_alone(parts.units, carer_id, fact) for fact in body.facts]
    return ToldFacts(answers=answers)


def _tell_alone(units: UnitsOfWork, carer_id: str, fact: KeptBegin | KeptEnd) -> ToldFact:
    try:
        with units.begin() as work:
            return _tell(work, carer_id, fact)
    except (DomainError, EdgeError) as err:
        status, document = refusal(err)
        return ToldFact(key=fact.key, status=status, body=document)


def _tell(work: Work, carer_id: str, fact: KeptBegin | KeptEnd) -> ToldFact:
    status, body = answer_once(
        work, fact.key, carer_id, fact.about(fact.visit_id), lambda: fact.tell(work, carer_id, fact.visit_id)
    )
    return ToldFact(key=fact.key, status=status, body=body)
