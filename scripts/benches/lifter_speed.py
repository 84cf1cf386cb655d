"""How fast the lifters' networks answer: single frames, batches, whole clips, frame by frame, live.

- `b1_ms`: one person in one frame, mean over both mirror images, as `UniversalLifter` with runtime
  "auto" answers (ONNX Runtime where it is installed).
- `b64_vs_eager`: 64 of them, against the same network and formulas in plain torch (inference mode).
- `whole_clip_vs_framewise`: the temporal network over 1000 frames at once, per frame, against each
  frame alone from its window of 81, computing only what that frame needs. Layers are packed in both.
  `framewise, single kept` also keeps what the single-frame network said of each frame.
- `streaming_fps`: frames per second of one `live` session of the streaming lifter on one core, from
  keypoints in pixels to joints in the camera frame, mirror image included.

CPU seconds of this process, as the machine may be shared; wall clock beside them. Candidates of a group
take turns. The packaged weights where there are any, else random ones of the same shape, which take
as long.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from lift3d.camera import Camera
from lift3d.io import read_keypoints
from lift3d.lifting.live import Live
from lift3d.lifting.martinez import MartinezConfig, MartinezNet
from lift3d.lifting.onnx_export import OnnxNetwork
from lift3d.lifting.packed import Packed, answering
from lift3d.lifting.packed_temporal import PackedTemporal
from lift3d.lifting.temporal import TemporalLifter
from lift3d.lifting.temporal_net import (
    WHOLE,
    TemporalConfig,
    TemporalNet,
    load_temporal,
    predict_clips,
)
from lift3d.lifting.universal import UniversalLifter, packaged_weights
from lift3d.lifting.universal_net import Answer, UniversalNet, predict
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.regressing.articulated import ArticulatedLifter
from lift3d.samples import balancing
from lift3d.skeletons import BODY_25, LIFT_23

from ._harness import few, report
from ._windows import ALONE, Windows

FRAMES, LIVE = 1000, 60
STREAMING = 4
SIZE = (1080, 1920)
HAS_ONNX = find_spec("onnx") is not None and find_spec("onnxruntime") is not None


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one answer: CPU (least, median, most) and wall clock (median)."""

    least: float
    cpu: float
    most: float
    wall: float


def timed(
    candidates: Mapping[str, Callable[[], object]],
    *,
    answers: int = 1,
    repeat: int = 1,
    rounds: int = 9,
) -> dict[str, Times]:
    """Candidates in turn; each gives so many answers and is run `repeat` times for one measurement."""
    cpu: dict[str, list[float]] = {name: [] for name in candidates}
    wall: dict[str, list[float]] = {name: [] for name in candidates}
    for at in range(few(rounds, 1) + 1):
        for name, run in candidates.items():
            started = time.process_time(), time.perf_counter()
            for _ in range(repeat):
                run()
            if at:  # the first round warms up
                cpu[name].append((time.process_time() - started[0]) / repeat / answers)
                wall[name].append((time.perf_counter() - started[1]) / repeat / answers)
    return {
        name: Times(min(s), statistics.median(s), max(s), statistics.median(wall[name]))
        for name, s in cpu.items()
    }


def temporal_network(single: UniversalNet, kind: str, latency: int) -> TemporalNet:
    weights = packaged_weights(kind)
    if weights.is_file():
        return load_temporal(weights)
    network = TemporalNet(TemporalConfig(latency=latency, single=single.config))
    network.single.load_state_dict(single.state_dict())
    return network.eval().requires_grad_(False)


def view_of(batch: int) -> View:
    seen = torch.rand(batch, len(VOCABULARY)) < 0.6
    points = torch.randn(batch, len(VOCABULARY), 2) * 0.1 * seen[..., None]
    return View(points, seen, torch.eye(3).expand(batch, 3, 3))


def single_frames(network: UniversalNet) -> dict[str, Times]:
    """The universal network at batch sizes, and a lifter's whole call with one frame."""
    packed = Packed(answering(network))
    exported = OnnxNetwork(network, flip=True) if HAS_ONNX else None
    times: dict[str, Times] = {}
    for batch in (1, 8, 64, 512):
        view = view_of(batch)

        def eager(view: View = view) -> Answer:
            return predict(network, view, flip=True)

        def by_packed(view: View = view) -> Answer:
            return predict(network, view, flip=True, forward=packed)

        runs: dict[str, Callable[[], object]] = {"torch eager": eager, "torch packed": by_packed}
        if exported is not None:
            runs["onnx"] = lambda view=view: exported(view.points, view.seen)
        found = timed(runs, repeat=max(2, 64 // batch))
        times |= {f"universal, batch {batch}: {name}": value for name, value in found.items()}
    return times | baseline() | one_frame() | on_a_body()


def baseline() -> dict[str, Times]:
    """The paper's network, with random weights."""
    network = MartinezNet(MartinezConfig()).eval().requires_grad_(False)
    exported = OnnxNetwork(network) if HAS_ONNX else None
    times: dict[str, Times] = {}
    for batch in (1, 64):
        pixels, seen = torch.rand(batch, 16, 2) * SIZE[1], torch.rand(batch, 16) < 0.8
        runs: dict[str, Callable[[], object]] = {
            "torch eager": lambda p=pixels, s=seen: network.joints(p, s)
        }
        if exported is not None:
            runs["onnx"] = lambda p=pixels, s=seen: exported(p, s)
        found = timed(runs, repeat=max(2, 64 // batch))
        times |= {f"martinez, batch {batch}: {name}": value for name, value in found.items()}
    return times


def one_frame() -> dict[str, Times]:
    lifter, motion, camera = UniversalLifter(runtime="auto"), walk(1), Camera.default(SIZE)
    return timed({"universal, one frame of a file": lambda: lifter(motion, camera)}, repeat=20)


def on_a_body() -> dict[str, Times]:
    """A clip of somebody real, per frame: the network, and what is laid on its answer and tied."""
    with balancing() as path:
        (motion, *_) = read_keypoints(path).people
    camera = Camera.default(motion.pose.image_size or SIZE)
    temporal, articulated = TemporalLifter(), ArticulatedLifter()
    runs: dict[str, Callable[[], object]] = {
        "temporal, a clip of a file": lambda: temporal(motion, camera),
        "articulated, a clip of a file": lambda: articulated(motion, camera),
    }
    return timed(runs, answers=len(motion), rounds=5)


def clips(network: TemporalNet) -> dict[str, Times]:
    """Per frame: whole clips by all runtimes, and each frame alone."""
    view, enough = view_of(FRAMES), torch.ones(FRAMES, dtype=torch.bool)
    packed = PackedTemporal(network)
    runs: dict[str, Callable[[], object]] = {
        "temporal, whole clip: torch eager": lambda: predict_clips(
            network, view, enough, FRAMES, flip=True
        ),
        "temporal, whole clip: torch packed": lambda: predict_clips(
            packed, view, enough, FRAMES, flip=True
        ),
    }
    if HAS_ONNX:
        exported = OnnxNetwork(network, flip=True)
        runs["temporal, whole clip: onnx"] = lambda: exported(view.points, view.seen, enough)
    times = timed(runs, answers=FRAMES, rounds=5)
    windows = Windows(network, packed, view)
    windows.check(predict_clips(packed, view, enough, FRAMES, flip=True))
    return times | timed(
        {"temporal, framewise": windows.afresh, "temporal, framewise, single kept": windows.kept},
        answers=ALONE,
    )


def walk(frames: int) -> Motion[Pose2D]:
    """Somebody who sways."""
    sway = torch.arange(frames)[:, None, None] * 2.0
    pixels = torch.rand(len(BODY_25), 2) * 600 + torch.tensor([600.0, 200.0]) + sway
    confidence = torch.full(pixels.shape[:2], 0.9)
    pose = Pose2D.from_detections(pixels, confidence, BODY_25, SIZE)
    return Motion(pose, 30.0, 0, torch.ones(frames, dtype=torch.bool))


def live(whole: TemporalNet, streaming: TemporalNet) -> dict[str, Times]:
    """One frame of a session, by rate, latency and mirroring."""
    poses = [
        Pose2D(pose.keypoints[at], pose.confidence[at], pose.skeleton, pose.image_size)
        for pose in (walk(LIVE).pose,)
        for at in range(LIVE)
    ]

    def session(network: TemporalNet, fps: float, *, flip: bool = True) -> Callable[[], None]:
        running = Live(network, Camera.default(SIZE), fps, LIFT_23, flip=flip)

        def push() -> None:
            for pose in poses:
                running.push(pose)

        return push

    return timed(
        {
            "live, 30 fps": session(streaming, 30.0),
            "live, 30 fps, no mirroring": session(streaming, 30.0, flip=False),
            "live, 60 fps": session(streaming, 60.0),
            "live, 10 fps": session(streaming, 10.0),
            "live, 30 fps, latency 40": session(whole, 30.0),
        },
        answers=LIVE,
    )


def measured() -> dict[str, Times]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    single = UniversalLifter().network
    whole = temporal_network(single, "temporal", WHOLE)
    streaming = temporal_network(single, "streaming", STREAMING)
    with torch.inference_mode():
        return single_frames(single) | clips(whole) | live(whole, streaming)


def figures_of(times: Mapping[str, Times]) -> dict[str, float]:
    best = "onnx" if HAS_ONNX else "torch packed"
    eager, packed = times["universal, batch 64: torch eager"], times[f"universal, batch 64: {best}"]
    whole = times["temporal, whole clip: torch packed"]
    return {
        "b1_ms": times[f"universal, batch 1: {best}"].cpu * 1000,
        "b64_vs_eager": eager.cpu / packed.cpu,
        "whole_clip_vs_framewise": times["temporal, framewise"].cpu / whole.cpu,
        "streaming_fps": 1 / times["live, 30 fps"].cpu,
        "articulated_ms": times["articulated, a clip of a file"].cpu * 1000,
    }


def figures() -> dict[str, float]:
    """These figures alone."""
    return figures_of(measured())


def rows_of(times: Mapping[str, Times]) -> dict[str, float]:
    """Milliseconds of one answer (per batch, per frame of clips)."""
    return {
        f"{name} ({what}) ms": 1000 * value
        for name, time_ in times.items()
        for what, value in (
            ("cpu", time_.cpu),
            ("cpu least", time_.least),
            ("cpu most", time_.most),
            ("wall", time_.wall),
        )
    }


def main() -> None:
    times = measured()
    report(figures_of(times) | rows_of(times))


if __name__ == "__main__":
    main()
