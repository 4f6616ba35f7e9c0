"""The compiled route engine (``scheduling/native``) behind ctypes: its calls release the GIL.

The library is made at installation (``build_engine.py``), never while the program runs. Where it is missing or
belongs to other sources ``library`` is ``None``, and the search in Python plans instead.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from scheduling.flat import FlatProblem

LIBRARY = Path(__file__).parent / "native" / "engine.so"
VERSION = 3
"""Of the functions and of ``Problem`` in ``engine.h``; another number is not ours."""

_NOBODY = -1

_POINTER = ctypes.c_void_p
_DOUBLE = ctypes.c_double
_SIGNATURES: dict[str, tuple[list[type], type | None]] = {
    "engine_open": ([_POINTER, ctypes.c_uint64], _POINTER),
    "engine_close": ([_POINTER], None),
    "engine_fill": ([_POINTER, ctypes.c_int32, ctypes.c_int32], _DOUBLE),
    "engine_load": ([_POINTER, _POINTER, _POINTER], _DOUBLE),
    "engine_anneal": ([_POINTER, ctypes.c_int64, _DOUBLE, _DOUBLE, _DOUBLE, ctypes.c_int32], _DOUBLE),
    "engine_best": ([_POINTER], _DOUBLE),
    "engine_cost": ([_POINTER], _DOUBLE),
    "engine_read": ([_POINTER, _POINTER, _POINTER], None),
}


@cache
def library() -> ctypes.CDLL | None:
    """The compiled engine, or ``None`` where this installation has none that fits."""
    try:
        found = ctypes.CDLL(str(LIBRARY))
        found.engine_version.restype = ctypes.c_int32
        if found.engine_version() != VERSION:
            return None
        found.engine_source.restype = ctypes.c_char_p
        for name, (arguments, result) in _SIGNATURES.items():
            function = getattr(found, name)
            function.argtypes, function.restype = arguments, result
    except (OSError, AttributeError):
        return None
    return found


class Engine:
    """One search over one problem. Not thread-safe; different engines may run at once over one problem.

    Costs are minutes (``scheduling.cost``).
    """

    def __init__(self, flat: FlatProblem, seed: int) -> None:
        lib = library()
        if lib is None:
            raise ValueError("Expected an installation with the compiled route engine, got one without.")
        self._lib = lib
        self._flat = flat
        self._handle = lib.engine_open(ctypes.byref(flat.fields), seed % 2**64)
        if not self._handle:
            raise MemoryError
        self.cost_min = 0.0

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lib.engine_close(self._handle)
        self._handle = None

    def fill(self, first: int, count: int) -> float:
        """Insert ``count`` jobs in the order of their claims, from number ``first`` on; the cost then."""
        cost: float = self._lib.engine_fill(self._handle, first, count)
        return cost

    def load(self, keys: NDArray[np.float64], carers: NDArray[np.int32]) -> bool:
        """Start from a plan: a key per job, a carer per visit (-1: nobody). False: it breaks a limit."""
        cost: float = self._lib.engine_load(self._handle, keys.ctypes.data, carers.ctypes.data)
        return cost >= 0.0

    def anneal(self, moves: int, hot_min: float, cold_min: float, ruins: float, strings: int) -> float:
        """Try moves while the temperature falls; the cost of the best plan so far.

        ``ruins`` is the chance that a move takes strings of up to ``strings`` visits out of neighbouring routes
        and puts them back.
        """
        cost: float = self._lib.engine_anneal(self._handle, moves, hot_min, cold_min, ruins, strings)
        return cost

    def cost(self) -> float:
        """The cost of the plan as it stands, kept up to date move by move."""
        cost: float = self._lib.engine_cost(self._handle)
        return cost

    def best(self) -> float:
        """Go back to the best plan found; its cost. ArithmeticError if it does not keep every limit."""
        cost: float = self._lib.engine_best(self._handle)
        if cost < 0.0:
            raise ArithmeticError("Expected the best plan to keep every limit, got one that does not.")
        return cost

    def read(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """The plan as it stands: a key per job, a carer per visit (-1: nobody)."""
        keys = np.empty(self._flat.fields.jobs)
        carers = np.full(self._flat.fields.visits, _NOBODY, dtype=np.int32)
        self._lib.engine_read(self._handle, keys.ctypes.data, carers.ctypes.data)
        return keys, carers
