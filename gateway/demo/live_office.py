"""The planner of the demo: an ill carer before the day, a lost tablet in it, and visits that screens could not do."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from random import Random
from urllib.parse import quote

from gateway.demo.agenda import Agenda
from gateway.demo.follow_ups import FollowUp, plan_follow_ups
from gateway.demo.http_client import HttpClient
from gateway.demo.identities import DEMO_PIN
from gateway.demo.live_home import HomeCare
from gateway.usecases.doors import tell_locks
from kernel.localtime import at_local
from scheduling.model import Carer
from scheduling.tables import VisitRow

PLANNER = "planner"
ILL_AT, LOST_AT = time(5, 50), time(10, 20)
#: from a task to the planner who has dealt with it
DEALT_WITH_AFTER = timedelta(minutes=6)
#: how long a carer is without a tablet
SPARE_TABLET_AFTER = timedelta(minutes=12)


class Office:
    """Somebody at the planner's desk.

    Parameters
    ----------
    minutes_of
        How long a visit takes when it is physical.
    follow_up_id
        Id of the visit that follows a screen visit.
    """

    def __init__(
        self,
        agenda: Agenda,
        port: int,
        day: date,
        homes: HomeCare,
        *,
        streams: Callable[..., Random],
        minutes_of: Mapping[str, float],
        follow_up_id: Callable[[str], str],
    ) -> None:
        self._agenda = agenda
        self._day = day
        self._homes = homes
        self._streams = streams
        self._minutes_of = minutes_of
        self._follow_up_id = follow_up_id
        self._client = HttpClient("127.0.0.1", port)
        self._signed_in = False

    def close(self) -> None:
        """The planner goes home."""
        self._client.close()

    def expect(self, carers: Sequence[Carer]) -> None:
        """One carer is ill this morning, another loses her tablet."""
        if len(carers) < 3:
            return
        random = self._streams("mishaps", self._day)
        ill, careless = random.sample(sorted(c.id for c in carers), 2)
        self._agenda.at(at_local(self._day, ILL_AT), PLANNER, lambda: self._ill(ill))
        self._agenda.at(at_local(self._day, LOST_AT), PLANNER, lambda: self._tablet_lost(careless))

    def follow_up(self, visit_id: str) -> None:
        """A screen visit was not enough: in a few minutes somebody is on her way."""
        if visit_id not in self._minutes_of:
            return
        self._agenda.at(self._agenda.now + DEALT_WITH_AFTER, PLANNER, lambda: self._plan_visit(visit_id))

    def _ill(self, carer_id: str) -> None:
        happened = {"kind": "carer_away", "carer_id": carer_id, "day": self._day.isoformat()}
        found = self._planner.call("POST", "/api/v1/reassignments/preview", {"happened": happened})
        # Colleagues first: whoever is called in has the day off and no tablet here.
        first = next((p for p in found["proposals"] if p["kind"] == "split"), None)
        if first is None:
            self._agenda.counts["ill_without_cover"] += 1
            return
        seen = ", ".join(f'"{v["route_id"]}:{v["version"]}"' for v in first["versions"])
        self._planner.call(
            "POST",
            "/api/v1/reassignments",
            {"happened": happened, "routes": first["routes"], "reason": "illness"},
            {"If-Match": seen},
        )
        self._agenda.counts["ill"] += 1
        self._homes.stays_home(carer_id)

    def _tablet_lost(self, carer_id: str) -> None:
        if not self._homes.is_on_duty(carer_id):
            return
        self._planner.call("POST", f"/api/v1/carers/{quote(carer_id)}/tablet-lost", {"reason": "Glemt på cyklen"})
        self._agenda.counts["tablets_lost"] += 1
        self._homes.takes_spare_tablet(carer_id, self._agenda.now + SPARE_TABLET_AFTER)
        self._settle("tablet_lost", "Ny tablet udleveret")

    def _plan_visit(self, visit_id: str) -> None:
        """Put a visit in the screen's place at the end of the carer's route; her tablet and the locks hear of it."""
        parts = self._agenda.runtime.parts
        with parts.units.begin() as work:
            failed = work.session.get(VisitRow, visit_id)
            if failed is None or failed.carer_id is None or not self._homes.is_on_duty(failed.carer_id):
                return
            wanted = FollowUp(
                visit_id,
                self._follow_up_id(visit_id),
                failed.carer_id,
                self._minutes_of[visit_id] * 60,
                self._agenda.now,
            )
            _, rights = plan_follow_ups(work, self._day, [wanted])
        if rights is not None:
            tell_locks(parts, rights.locks_to_tell)
        self._agenda.counts["follow_ups"] += 1
        self._homes.goes_along_with(wanted.new_id, visit_id)
        self._settle("screen_", "Fysisk besøg lagt på ruten", visit_id)

    def _settle(self, kind: str, how: str, visit_id: str | None = None) -> None:
        for task in self._planner.call("GET", "/api/v1/tasks")["tasks"]:
            if task["kind"].startswith(kind) and (visit_id is None or task["visit_id"] == visit_id):
                self._planner.call("POST", f"/api/v1/tasks/{quote(task['task_id'])}/settlement", {"how": how})
                self._agenda.counts["tasks_settled"] += 1

    @property
    def _planner(self) -> HttpClient:
        if not self._signed_in:
            self._client.sign_in(PLANNER, DEMO_PIN)
            self._signed_in = True
        return self._client
