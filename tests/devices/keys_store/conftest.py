"""A town per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devices.keys_store.town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """A town on a database of its own."""
    built = Town.build(tmp_path)
    yield built
    built.close()
