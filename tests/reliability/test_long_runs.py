"""Long runs stay small: a live session keeps nothing of the past, and bars tell the truth."""

import gc
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lift3d.camera import Camera
from lift3d.lifting.temporal import StreamingLifter
from lift3d.pipeline import LiftOptions, lift
from lift3d.pose import Pose2D
from lift3d.skeletons import COCO_17
from tests.helpers.journey_files import short_sample

SIZE = (1080, 1920)


def tensors_alive() -> tuple[int, int]:
    """How many tensors there are, and their bytes."""
    gc.collect()
    alive = [each for each in gc.get_objects() if issubclass(type(each), Tensor)]
    return len(alive), sum(each.nbytes for each in alive)


def frame(at: int, body: Tensor) -> Pose2D:
    """Somebody who sways; every 97th frame is empty."""
    pixels = body + 20 * torch.sin(torch.tensor([at / 10, at / 7]))
    return Pose2D.from_detections(pixels, torch.full((17,), float(at % 97 != 0)), COCO_17, SIZE)


def test_a_live_session_keeps_nothing_of_the_past() -> None:
    body = torch.randn(17, 2) * torch.tensor([90.0, 200.0]) + torch.tensor([960.0, 540.0])
    session = StreamingLifter().live(Camera.default(SIZE), 30.0)
    given: list[int] = []
    sizes: list[tuple[int, int]] = []
    for at in range(900):
        answer = session.push(frame(at, body))
        if answer is not None:
            given.append(answer.first_frame)
        if at in (300, 600, 899):
            sizes.append(tensors_alive())
    given += [answer.first_frame for answer in session.finish()]
    assert given == list(range(900))
    assert sizes[1][0] <= sizes[0][0] * 1.05
    assert sizes[2][0] <= sizes[0][0] * 1.05
    assert sizes[2][1] <= sizes[0][1] * 1.05


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts open files by /proc")
def test_lifting_again_and_again_opens_no_more_files(tmp_path: Path) -> None:
    source = short_sample(tmp_path, 3)
    options = LiftOptions(lifter="universal", body_model="")
    counts: list[int] = []
    for _ in range(4):
        lift(source, options=options)
        counts.append(len(list(Path("/proc/self/fd").iterdir())))
    assert counts[-1] <= counts[0]


def test_progress_rises_and_ends_at_its_total(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    clip = lift(short_sample(tmp_path, 6), progress=lambda *each: told.append(each))
    done = [done for _, done, _ in told]
    assert done == sorted(done)
    assert {total for _, _, total in told} == {len(clip) * len(clip.people)}
    assert (done[0], done[-1]) == (0, len(clip) * len(clip.people))
