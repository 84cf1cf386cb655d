"""How large files may be is written in one place, and the environment moves it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lift3d.errors import InputError
from lift3d.io.files.limits import LIMITS, Limits
from tests.helpers.array_files import npy


def test_an_environment_moves_what_it_names() -> None:
    assert Limits.of({}) == Limits()
    moved = Limits.of({"LIFT3D_MAX_PEOPLE": "5000", "LIFT3D_MAX_JOINTS": "", "PATH": "1"})
    assert (moved.people, moved.joints) == (5000, Limits().joints)


@pytest.mark.parametrize("text", ["many", "-3", "0", "1.5", "1e3", " 7", "٣", "9" * 30])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="LIFT3D_MAX_VALUES"):
        Limits.of({"LIFT3D_MAX_VALUES": text})


def test_readers_obey(tmp_path: Path) -> None:
    """Three people in a picture, of whom two are allowed."""
    if Limits() != LIMITS:
        pytest.skip("this environment has limits of its own")
    points = np.random.default_rng(0).uniform(50, 900, (2, 3, 17, 3))
    (tmp_path / "a.npy").write_bytes(npy(points))
    code = (
        "import sys; from lift3d.io import read_keypoints; read_keypoints(sys.argv[1], 'coco_17')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.npy")]
    told = {
        most: subprocess.run(
            command,
            env=os.environ | {"LIFT3D_MAX_PEOPLE": most},
            capture_output=True,
            text=True,
            check=False,
        ).stderr
        for most in ("2", "3")
    }
    assert "at most 2 people" in told["2"]
    assert "people" not in told["3"]
