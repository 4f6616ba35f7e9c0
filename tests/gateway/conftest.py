"""Platforms for a whole test module: tests that do not disturb each other share one."""

from collections.abc import Iterator

import pytest

from tests.gateway.platform import Platform, running_platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running platform with its locks, two of them odd."""
    yield from running_platform(tmp_path_factory.mktemp("platform"), odd_doors=True)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A running platform whose locks stay away: for what is done without a door."""
    yield from running_platform(tmp_path_factory.mktemp("office"), locks=False)
