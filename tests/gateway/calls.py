"""Screen visits in a running platform: a carer, her citizen, the citizen's browser and kiosk, and their sockets."""

import json
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any

import pytest
from sqlmodel import select
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from gateway.pins import hash_pin
from gateway.runtime import Runtime
from gateway.tables import IdentityRow
from gateway.wire import b64u
from scheduling.register.tables import CitizenRow, ConsentRow
from scheduling.tables import TaskRow, VisitRow
from scheduling.tasks import NewTask, raise_task
from tests.conftest import TODAY
from tests.gateway.platform import Platform
from tests.gateway.web import Answer, Person

HOLDER_KEY = b64u(b"\x04" + bytes(64))


@dataclass
class ScreenVisit:
    """One visit of mode screen, on the route of a carer who has begun her shift."""

    platform: Platform
    visit_id: str
    citizen_id: str
    unit_id: str
    carer_id: str
    carer: Person

    @property
    def path(self) -> str:
        """The call's address on the carer's side."""
        return f"/api/v1/me/visits/{self.visit_id}/screen"

    def ring(self) -> dict[str, Any]:
        """Ring; the answer with its link."""
        answer = self.carer.post(self.path)
        assert answer.status == 201, answer.content
        state: dict[str, Any] = answer.json
        return state

    def conclude(self, outcome: str, **headers: str) -> Answer:
        """Say how it went."""
        return self.carer.post(f"{self.path}/outcome", {"outcome": outcome}, **headers)

    def citizen(self, link: str) -> Person:
        """The citizen's own browser, which has redeemed the link."""
        person = self.stranger()
        answer = redeem(person, link)
        assert answer.status == 200, answer.content
        return person

    def answered(self) -> tuple[dict[str, Any], Person]:
        """Rung by the carer and answered by the link."""
        state = self.ring()
        person = self.citizen(state["link"])
        assert person.post("/api/v1/screen/answer", {"action": "answer"}).status == 200
        return state, person

    def stranger(self, surface: str = "call") -> Person:
        """A browser nobody knows."""
        person = Person(self.platform.port, surface)
        self.platform._people.append(person)
        return person

    def kiosk(self, name: str = "kiosk") -> Person:
        """The enrolled tablet on the citizen's table."""
        identity = f"{name}-{self.citizen_id}"
        with self.platform.runtime.units.begin() as work:
            work.session.add(
                IdentityRow(
                    id=identity,
                    role="kiosk",
                    name="",
                    citizen_id=self.citizen_id,
                    unit_ids=[self.unit_id],
                    pin_hash=hash_pin("1234"),
                    demo=True,
                )
            )
        person = self.stranger("kiosk")
        answer = person.sign_in(identity)
        assert answer.status == 200, answer.content
        return person

    def consent(self, kind: str) -> None:
        """The citizen says yes."""
        with self.platform.runtime.units.begin() as work:
            work.session.add(ConsentRow(citizen_id=self.citizen_id, kind=kind, given_on=TODAY))

    def visit(self) -> VisitRow:
        """The visit as it stands."""
        with self.platform.runtime.database.reading() as session:
            row = session.get(VisitRow, self.visit_id)
        assert row is not None
        return row

    def tasks(self) -> list[TaskRow]:
        """What planners were told about this citizen."""
        with self.platform.runtime.database.reading() as session:
            return list(session.exec(select(TaskRow).where(TaskRow.citizen_id == self.citizen_id)).all())

    def wait_world(self, seconds: float) -> None:
        """World time goes on."""
        self.platform.clock.advance_to(self.platform.clock.now() + timedelta(seconds=seconds))


def screen_visit(platform: Platform, *, consent: bool = True) -> ScreenVisit:
    """Make a carer's first visit one of mode screen, and start her shift."""
    carer_id, visit_id = _fresh_stop(platform)
    with platform.runtime.units.begin() as work:
        row = work.session.get(VisitRow, visit_id)
        assert row is not None
        row.mode, row.door_id, row.travel_min = "screen", None, 0.0
        citizen = work.session.get(CitizenRow, row.citizen_id)
        assert citizen is not None
    carer = Person(platform.port, "tablet")
    platform._people.append(carer)
    assert carer.sign_in(carer_id).status == 200
    made = ScreenVisit(platform, visit_id, row.citizen_id, citizen.unit_id, carer_id, carer)
    if consent:
        made.consent("screen")
    started = carer.post("/api/v1/me/shift/start", {"place": "base", "holder_key": HOLDER_KEY})
    assert started.status == 200, started.content
    return made


def screen_visit_and_task(runtime: Runtime, visit_id: str) -> dict[str, str]:
    """Turn a planned visit into one of mode screen, with something for a planner to do: ids for the matrix."""
    with runtime.units.begin() as work:
        row = work.session.get(VisitRow, visit_id)
        assert row is not None
        row.mode, row.door_id = "screen", None
        work.session.add(ConsentRow(citizen_id=row.citizen_id, kind="screen", given_on=TODAY))
        task = raise_task(work, NewTask("call_back", row.unit_id, citizen_id=row.citizen_id))
        return {"screen_visit_id": visit_id, "task_id": task.task_id}


def _fresh_stop(platform: Platform) -> tuple[str, str]:
    """A carer nobody has touched yet, and the first visit of her route."""
    with platform.runtime.database.reading() as session:
        rows = session.exec(select(VisitRow).where(VisitRow.day == TODAY, VisitRow.state == "planned")).all()
    starts = sorted((r.start_at, r.carer_id, r.id) for r in rows if r.start_at is not None and r.carer_id is not None)
    carer_id, visit_id = next((c, v) for _, c, v in starts if c not in platform._taken)
    return platform.keep(carer_id), visit_id


def redeem(person: Person, link: str) -> Answer:
    """Redeem a link the way its page does."""
    return person.post("/api/v1/screen/redemption", {"token": link.partition("#")[2]})


class Socket:
    """A page's signalling socket."""

    def __init__(self, port: int, person: Person | None, surface: str, room: str = "", **headers: str) -> None:
        cookies = "; ".join(f"{k}={v}" for k, v in (person.cookies if person else {}).items())
        sent = {**({"Cookie": cookies} if cookies else {}), **headers}
        url = f"ws://127.0.0.1:{port}/api/v1/signalling?surface={surface}" + (f"&room={room}" if room else "")
        self._stack = ExitStack()
        line = connect(url, additional_headers=sent, max_size=1 << 20)
        self._socket: ClientConnection = self._stack.enter_context(line)

    def __enter__(self) -> "Socket":
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """The page goes."""
        self._stack.close()

    def say(self, kind: str, **more: Any) -> None:
        """Send a message."""
        self._socket.send(json.dumps({"type": kind, **more}))

    def say_raw(self, text: str | bytes) -> None:
        """Send whatever."""
        self._socket.send(text)

    def hear(self, kind: str, timeout_s: float = 10.0, **wanted: Any) -> dict[str, Any]:
        """The next message of a kind (and with these values), whatever comes before it."""
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(timeout=timeout_s))
            if message["type"] == kind and all(message.get(k) == v for k, v in wanted.items()):
                return message

    def hear_all(self) -> list[dict[str, Any]]:
        """What came before the answer to a ping."""
        self.say("ping")
        heard = []
        while (message := json.loads(self._socket.recv(timeout=10.0)))["type"] != "pong":
            heard.append(message)
        return heard

    def closed_with(self, timeout_s: float = 10.0) -> int:
        """Wait until the server closes; its code."""
        with pytest.raises(ConnectionClosed) as closed:
            self._drain(timeout_s)
        self.close()
        return closed.value.rcvd.code if closed.value.rcvd else 0

    def _drain(self, timeout_s: float) -> None:
        while True:
            self._socket.recv(timeout=timeout_s)


def in_call(visit: ScreenVisit) -> tuple[Socket, Socket, str]:
    """Both pages in the call: the carer's socket, the citizen's, the room."""
    state, person = visit.answered()
    port = visit.platform.port
    staff, citizen = Socket(port, visit.carer, "tablet", state["room_id"]), Socket(port, person, "call")
    staff.say("join")
    citizen.say("join")
    staff.hear("peer", present=True)
    citizen.hear("peer", present=True)
    citizen.hear("state", state="in_call")
    staff.hear("state", state="in_call")
    return staff, citizen, state["room_id"]
