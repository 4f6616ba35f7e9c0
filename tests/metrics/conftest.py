"""What the benefit tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.metrics.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A municipality with an empty log."""
    made = World(tmp_path)
    yield made
    made.close()
