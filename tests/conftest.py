"""Fixtures for all tests: one thread, fixed seeds, and the real files where they are."""

import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("seeded", derandomize=True)
settings.load_profile("seeded")
# In the background of a shell Ctrl-C is ignored, and programs that tests start and stop inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real keypoint files and motion capture that is not part of the project."""
    root = os.environ.get("LIFT3D_TEST_DATA", "")
    if not root or not Path(root).is_dir():
        pytest.skip("real keypoint files and motion capture are absent: set LIFT3D_TEST_DATA")
    return Path(root)
