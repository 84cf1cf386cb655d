"""Files of SMPL's family, made up by `tests/helpers/family_files.py`."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def family() -> Any:
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("family_files")
