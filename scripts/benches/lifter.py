"""How good and how fast the lifters are, beside the baseline that they must beat.

Accuracy on the test split of the CMU motion capture (six people nobody trained on), by the protocol of
`lift3d eval`: the network of Martinez et al. trained to convergence, and ours, all shown the same.
`single_vs_martinez` is the best that answers frame by frame (`framewise`, which hangs the universal
network's answers on a body), `temporal_vs_martinez` the best over clips (`articulated`, the same for
the temporal network); `universal_vs_...` and `temporal_network_vs_...` are the networks alone. The other
figures come from the benches `cameras`, `grounding` and `lifter_speed`. `coverage90` is that of
`articulated`, the default of `lift3d lift`, over perfect and noisy keypoints alike.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from benches import cameras, grounding, lifter_speed
from benches._harness import few, report

from lift3d import plugins
from lift3d.evaluation import EvaluationConfig, evaluate_lifter
from lift3d.evaluation.robustness import evaluate_robustness
from lift3d.plugins import open_dataset
from lift3d.protocols import Dataset

LIFTERS = ("martinez", "universal", "framewise", "temporal", "articulated", "streaming")
SEVERAL = 5
WINDOWS = 60


def mean_of(means: Mapping[str, float], key: str) -> float:
    return means.get(key, float("nan"))


def accuracy_figures(dataset: Dataset) -> dict[str, float]:
    figures: dict[str, float] = {}
    config = EvaluationConfig(every=few(1, 40))
    for name in LIFTERS:
        means = evaluate_lifter(plugins.lifters[name](), dataset, config).figures
        for key in ("mpjpe_mm", "pa_mpjpe_mm", "limbs_mpjpe_mm", "noisy_mpjpe_mm",
                    "acceleration_mm_per_frame2", "coverage_90_percent",
                    "noisy_coverage_90_percent"):  # fmt: skip
            figures[f"{name}_{key}"] = mean_of(means, key)
    baseline, noisy = figures["martinez_mpjpe_mm"], figures["martinez_noisy_mpjpe_mm"]
    clean, spoilt = (figures[f"articulated_{k}coverage_90_percent"] for k in ("", "noisy_"))
    return figures | {
        "single_vs_martinez": figures["framewise_mpjpe_mm"] / baseline,
        "universal_vs_martinez": figures["universal_mpjpe_mm"] / baseline,
        "temporal_vs_martinez": figures["articulated_mpjpe_mm"] / baseline,
        "temporal_network_vs_martinez": figures["temporal_mpjpe_mm"] / baseline,
        "streaming_vs_martinez": figures["streaming_mpjpe_mm"] / baseline,
        "noisy_vs_martinez": figures["framewise_noisy_mpjpe_mm"] / noisy,
        "temporal_noisy_vs_martinez": figures["articulated_noisy_mpjpe_mm"] / noisy,
        "coverage90": (clean + spoilt) / 2,
    }


def several_figures(dataset: Dataset) -> dict[str, float]:
    config = EvaluationConfig(hypotheses=SEVERAL, every=few(4, 80))
    means = evaluate_lifter(plugins.lifters["universal"](), dataset, config).figures
    return {f"several_{key}": value for key, value in means.items() if "of_" in key} | {
        "several_aggregated_mpjpe_mm": mean_of(means, "mpjpe_mm")
    }


def missing_figures(dataset: Dataset) -> dict[str, float]:
    told = evaluate_robustness(plugins.lifters["universal"](), dataset, windows=few(WINDOWS, 2))
    curve = next(curve for curve in told.curves if curve.axis == "missing keypoints")
    by_share = dict(zip(curve.values, curve.levels, strict=True))
    return {"third_missing_vs_full": by_share[33.0].mpjpe_mm / by_share[0.0].mpjpe_mm}


def figures() -> dict[str, float]:
    data = Path(os.environ.get("LIFT3D_TEST_DATA", "")) / "mocap" / "cmu_mocap_30hz.h5"
    out = lifter_speed.figures()
    if not data.is_file():
        print("accuracy: motion capture is absent, set LIFT3D_TEST_DATA")
        return out
    dataset = open_dataset("mocap_h5", data)
    out |= accuracy_figures(dataset) | several_figures(dataset) | missing_figures(dataset)
    return out | cameras.figures() | grounding.figures()


if __name__ == "__main__":
    torch.set_num_threads(1)
    report(figures())
