"""Torch against ONNX Runtime: the networks of both lifters, one pose, 64 and 512.

The baseline has random weights, which take as long as trained ones.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import torch

from lift3d.lifting.martinez import MartinezConfig, MartinezNet
from lift3d.lifting.onnx_export import OnnxNetwork
from lift3d.lifting.universal import INPUT_JOINTS, UniversalLifter, View, predict

from ._harness import measure, report


def repeated(run: Callable[[], object], times: int) -> Callable[[], None]:
    def several() -> None:
        with torch.inference_mode():
            for _ in range(times):
                run()

    return several


def compared(
    name: str, by_torch: Callable[[], object], by_onnx: Callable[[], object], poses: int
) -> dict[str, float]:
    times = max(8, 256 // poses)
    runs = {"torch": repeated(by_torch, times), "onnx": repeated(by_onnx, times)}
    seconds = {key: value[1] / times for key, value in measure(runs, 15).items()}
    return {
        f"{name} {poses}: torch ms": seconds["torch"] * 1000,
        f"{name} {poses}: onnx ms": seconds["onnx"] * 1000,
        f"{name} {poses}: times as fast": seconds["torch"] / seconds["onnx"],
    }


def main() -> None:
    torch.set_num_threads(1)
    universal = UniversalLifter().network
    started = perf_counter()
    flipped = OnnxNetwork(universal, flip=True)
    figures = {"seconds to export and load": perf_counter() - started}
    baseline = MartinezNet(MartinezConfig()).eval().requires_grad_(False)
    exported = OnnxNetwork(baseline)
    for poses in (1, 64, 512):
        seen = torch.rand(poses, len(INPUT_JOINTS)) < 0.8
        points = torch.randn(poses, len(INPUT_JOINTS), 2) * 0.1 * seen[..., None]
        view = View(points, seen, torch.eye(3).expand(poses, 3, 3))
        figures |= compared(
            "universal with flip",
            lambda view=view: predict(universal, view, flip=True),
            lambda view=view: flipped(view.points, view.seen),
            poses,
        )
        pixels, shown = torch.rand(poses, 16, 2) * 1000, torch.rand(poses, 16) < 0.8
        figures |= compared(
            "martinez",
            lambda pixels=pixels, shown=shown: baseline.joints(pixels, shown),
            lambda pixels=pixels, shown=shown: exported(pixels, shown),
            poses,
        )
    report(figures)


if __name__ == "__main__":
    main()
