"""From a real video to meshes, end to end: how many frames a second.

`video_to_mesh_fps` is the frames of the clip over the seconds from opening the video to the last vertex
of the person who is seen most, decoding, detection, lifting, fitting and posing included, one thread per
part; the models are loaded and compiled before. `video_detect_fps` is what decoding and detection alone
reach. Medians of a few rounds, with the slowest and fastest. Needs LIFT3D_TEST_DATA.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from benches._harness import few

from lift3d.detection import DEFAULT_DETECTOR, detect
from lift3d.pipeline import LiftOptions, lift, make_body
from lift3d.plugins import open_detector

__all__ = ["known_keypoints", "video_to_mesh"]


def known_keypoints(data: Path, camera: str = "cam01") -> tuple[str, Sequence[str]]:
    """The detector `files` with the keypoints that come with the video: what all else costs."""
    folder = data / "keypoints" / "pose2sim" / "balancing" / f"{camera}_json"
    return "files", (f"path={folder}", "skeleton=body_25b")


def video_to_mesh(
    data: Path,
    detector: str = DEFAULT_DETECTOR,
    options: Sequence[str] = (),
    *,
    camera: str = "cam01",
    rounds: int = 3,
) -> dict[str, float]:
    """Frames per second of the chain on the balancing clip, by the name of a detector."""
    torch.set_num_threads(1)
    video = data / "keypoints" / "pose2sim" / "balancing" / f"{camera}.mp4"
    finder = open_detector(detector, options)
    body = make_body("default")
    told = LiftOptions(max_people=1)
    whole: list[float] = []
    detected: list[float] = []
    for turn in range(few(rounds, 1) + 1):
        started = time.perf_counter()
        file = detect(video, finder)
        found = time.perf_counter()
        clip = lift(file, options=told)
        for person in clip.people:
            if person.body is not None:
                body(person.body)
        ended = time.perf_counter()
        if turn:  # the first one loads and compiles
            whole.append(len(clip) / (ended - started))
            detected.append(len(clip) / (found - started))
    return {
        "video_to_mesh_fps": statistics.median(whole),
        "video_to_mesh_fps_least": min(whole),
        "video_to_mesh_fps_most": max(whole),
        "video_detect_fps": statistics.median(detected),
    }
