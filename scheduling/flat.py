"""A problem as flat arrays, field by field the ``Problem`` of ``scheduling/native/engine.h``."""

from __future__ import annotations

import ctypes
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from scheduling.insertion_order import insertion_order
from scheduling.neighbours import mean_near_leg_min, near_visits
from scheduling.problem import Problem

_DOUBLES = ctypes.POINTER(ctypes.c_double)
_INTS = ctypes.POINTER(ctypes.c_int32)
_BYTES = ctypes.POINTER(ctypes.c_uint8)


class _Fields(ctypes.Structure):
    _fields_: ClassVar[list[Any]] = [
        *((name, ctypes.c_int32) for name in ("visits", "jobs", "carers", "places")),
        *((name, _DOUBLES) for name in ("open", "close", "due", "duration", "price", "work", "tight_from")),
        *((name, _INTS) for name in ("location", "job_of")),
        *((name, _BYTES) for name in ("begun", "can")),
        ("irregular", _DOUBLES),
        *((name, _INTS) for name in ("able_at", "able", "near_at", "near", "told_carer")),
        *((name, _DOUBLES) for name in ("told_from", "told_to")),
        ("members", _INTS),
        *((name, _DOUBLES) for name in ("gap_low", "gap_high")),
        ("rank", _INTS),
        *((name, _DOUBLES) for name in ("shift_start", "shift_end", "work_limit", "fair")),
        *((name, _DOUBLES) for name in ("fetch", "bring", "over_room", "more_ratio", "over_ratio")),
        *((name, _INTS) for name in ("shift_open", "shift_close", "mode", "break_at")),
        *((name, _DOUBLES) for name in ("break_open", "break_close", "break_lasts")),
        ("legs", _DOUBLES),
        *((name, ctypes.c_double) for name in ("uneven_ratio", "tolerance_ratio", "tolerance_min")),
        *((name, ctypes.c_double) for name in ("idle_min", "idle_free_min", "slack_ratio", "told_min")),
    ]


class FlatProblem:
    """Arrays the compiled engine reads, kept alive as long as this object is.

    Places are numbered anew, so that only those the unit's visits and shifts name are in the legs
    (``modes x places x places`` minutes, 8 bytes each). ``mean_leg_min`` is the scale of the temperature.
    """

    def __init__(self, problem: Problem) -> None:
        self.fields = _Fields()
        self._kept: list[np.ndarray[Any, Any]] = []
        f, weights = self.fields, problem.weights
        f.visits, f.jobs, f.carers = len(problem.visits), len(problem.jobs), len(problem.carers)
        for name in ("open", "close", "due", "duration", "price", "work", "tight_from", "gap_low", "gap_high"):
            setattr(f, name, self._doubles(getattr(problem, name)))
        for name in ("shift_start", "shift_end", "work_limit", "fetch", "bring"):
            setattr(f, name, self._doubles(getattr(problem, name)))
        f.over_room, f.more_ratio, f.over_ratio = (
            self._doubles([rate[i] for rate in problem.overrun]) for i in range(3)
        )
        self._fill_breaks(problem)
        f.fair = self._doubles(problem.fair) if problem.fair else None
        f.job_of = self._ints(problem.job_of)
        f.begun = self._bytes(problem.begun)
        f.can = self._bytes(np.frombuffer(b"".join(problem.can), dtype=np.uint8))
        f.irregular = self._irregular(problem)
        f.able_at, f.able = self._ragged(problem.able)
        near = near_visits(problem)
        self.mean_leg_min = mean_near_leg_min(problem, near)
        f.near_at, f.near = self._ragged(near)
        self._fill_told(problem)
        f.members = self._ints([v for job in problem.jobs for v in (job if len(job) == 2 else (*job, -1))])
        f.rank = self._ints(insertion_order(problem))
        self._fill_places(problem)
        f.uneven_ratio, f.slack_ratio = weights.uneven_ratio, weights.slack_ratio
        f.tolerance_ratio, f.tolerance_min = weights.load_tolerance_ratio, weights.load_tolerance_min
        f.idle_min, f.idle_free_min = weights.idle_min, problem.idle_free

    def _fill_breaks(self, problem: Problem) -> None:
        f = self.fields
        rests = [rest for breaks in problem.breaks for rest in breaks]
        f.break_at = self._ints(np.cumsum([0, *(len(breaks) for breaks in problem.breaks)])) if rests else None
        f.break_open = self._doubles([rest.open for rest in rests])
        f.break_close = self._doubles([rest.close for rest in rests])
        f.break_lasts = self._doubles([rest.lasts for rest in rests])

    def _fill_told(self, problem: Problem) -> None:
        f, told = self.fields, problem.told
        f.told_min = 0.0 if told is None else told.price_min
        f.told_carer = None if told is None else self._ints(told.carer)
        f.told_from = None if told is None else self._doubles(told.earliest)
        f.told_to = None if told is None else self._doubles(told.latest)

    def _fill_places(self, problem: Problem) -> None:
        f = self.fields
        named = np.array([*problem.location, *problem.shift_open, *problem.shift_close], dtype=np.int64)
        places = np.unique(named[named >= 0])
        row = {int(place): i for i, place in enumerate(places)}
        f.location = self._ints([row.get(place, -1) for place in problem.location])
        f.shift_open = self._ints([row.get(place, -1) for place in problem.shift_open])
        f.shift_close = self._ints([row.get(place, -1) for place in problem.shift_close])
        mode_of: dict[int, int] = {}
        tables: list[list[np.ndarray[Any, Any]]] = []
        for legs in problem.legs:
            if id(legs) not in mode_of:
                mode_of[id(legs)] = len(tables)
                tables.append([np.asarray(legs[int(place)], dtype=np.float64)[places] for place in places])
        f.mode = self._ints([mode_of[id(legs)] for legs in problem.legs])
        f.places = len(places)
        f.legs = self._doubles(np.array(tables))

    def _irregular(self, problem: Problem) -> Any:
        if not any(problem.irregular):
            return None
        prices = np.zeros((len(problem.visits), len(problem.carers)))
        for v, price_of in enumerate(problem.irregular):
            for c, price_min in price_of.items():
                prices[v, c] = price_min
        return self._doubles(prices)

    def _ragged(self, rows: list[list[int]] | list[tuple[int, ...]]) -> tuple[Any, Any]:
        ends = np.cumsum([0, *(len(row) for row in rows)])
        return self._ints(ends), self._ints([x for row in rows for x in row])

    def _keep(self, values: ArrayLike, kind: Any) -> np.ndarray[Any, Any]:
        kept = np.ascontiguousarray(values, dtype=kind)
        self._kept.append(kept)
        return kept

    def _doubles(self, values: ArrayLike) -> Any:
        return self._keep(values, np.float64).ctypes.data_as(_DOUBLES)

    def _ints(self, values: ArrayLike) -> Any:
        return self._keep(values, np.int32).ctypes.data_as(_INTS)

    def _bytes(self, values: ArrayLike) -> Any:
        return self._keep(values, np.uint8).ctypes.data_as(_BYTES)
