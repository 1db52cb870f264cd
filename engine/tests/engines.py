"""Fixtures, as a plugin that a test module names: engines are slow to start, so the session shares two."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from process import Engine, write_rollouts, write_traces


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Engine]]:
    base = tmp_path_factory.mktemp("engines")
    pair = Engine(base / "a"), Engine(base / "b")  # both begin to start
    yield pair[0].connect(), pair[1].connect()
    for engine in pair:
        engine.stop()


@pytest.fixture
def engine(engines: tuple[Engine, Engine]) -> Engine:
    """An engine that holds a fresh scratch state."""
    engines[0].open_scratch()
    return engines[0]


@pytest.fixture
def other(engines: tuple[Engine, Engine]) -> Engine:
    """A second process with the same state."""
    engines[1].open_scratch()
    return engines[1]


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_traces(tmp_path_factory.mktemp("traces") / "traces.parquet")


@pytest.fixture(scope="session")
def rollouts(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    return write_rollouts(tmp_path_factory.mktemp("rollouts") / "r")
