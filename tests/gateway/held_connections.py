"""Sees a thread that holds one database connection and takes another: forty of them at once wait for themselves."""

from collections import Counter
from threading import get_ident
from traceback import extract_stack
from typing import Any

from sqlalchemy import Engine, event


class HeldConnections:
    """Listens to an engine's pool. ``taken_twice`` names the places where a second connection was taken."""

    def __init__(self, engine: Engine) -> None:
        self.taken_twice: Counter[str] = Counter()
        self._held: Counter[int] = Counter()
        event.listen(engine, "checkout", self._out)
        event.listen(engine, "checkin", self._back)

    def _out(self, _connection: Any, record: Any, _proxy: Any) -> None:
        record.info["taken_by"] = get_ident()
        self._held[get_ident()] += 1
        if self._held[get_ident()] > 1:
            ours = [f for f in extract_stack() if "/site-packages/" not in f.filename and "/lib/py" not in f.filename]
            self.taken_twice[" < ".join(f"{f.name}:{f.lineno}" for f in reversed(ours[-6:-1]))] += 1

    def _back(self, _connection: Any, record: Any) -> None:
        taker = record.info.pop("taken_by", None)
        if taker is not None:
            self._held[taker] -= 1
