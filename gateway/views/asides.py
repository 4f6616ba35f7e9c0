"""What stands on a route between the visits, as board and tablet get it: to the second."""

from typing import Any

from gateway.wire import iso
from scheduling.board.asides import Aside


def aside_json(aside: Aside) -> dict[str, Any]:
    """A break, or the way to the car or back with it."""
    return {
        "kind": aside.kind,
        "start_at": iso(aside.start_at.replace(microsecond=0)),
        "end_at": iso(aside.end_at.replace(microsecond=0)),
        "fits": aside.fits,
    }
