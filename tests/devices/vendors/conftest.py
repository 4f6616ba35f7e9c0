"""A town per test, on each make of database, with a vendor's lock on its second door."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devices.keys_store.town import Town, towns


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    """A town on a database of its own."""
    yield from towns(request, tmp_path)
