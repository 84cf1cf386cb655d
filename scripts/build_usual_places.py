"""Where keypoints usually lie on the default body's bones, for lifting single frames on a body.

    python scripts/build_usual_places.py FOLDER_WITH_MOCAP lift3d/regressing/weights/places.safetensors

The `articulated` lifter is shown the training split; in each clip it tells where every point lies on its
bone. The median over people is what CMU's skeletons mean by these names. Other sources mean something
else, as the body's own joints and landmarks do: what is kept is half way between the two.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from lift3d.evaluation.clips import random_windows
from lift3d.evaluation.config import EvaluationConfig
from lift3d.evaluation.lifters import DETECTED, keeping
from lift3d.evaluation.views import random_shot, random_view
from lift3d.io.files.atomic import atomic_path
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.plugins import open_dataset
from lift3d.regressing.articulated import ArticulatedLifter, ArticulatedOptions
from lift3d.regressing.places import PLACES_FORMAT

EVERY = 20
"""Windows between those that are looked at."""


def captured_places(lifter: ArticulatedLifter, root: Path) -> Tensor:
    """The median over windows of the training split."""
    generator = torch.Generator().manual_seed(0)
    config = EvaluationConfig(split="train", every=EVERY)
    found = []
    for window in random_windows(open_dataset("mocap_h5", root / "cmu_mocap_30hz.h5"), config):
        shot = random_shot(window, *random_view(generator))
        places = lifter.places(keeping(shot.keypoints, DETECTED), shot.camera)
        if places is not None:
            found.append(places)
    print(f"{len(found)} windows")
    return torch.stack(found).median(0).values


def own_places(lifter: ArticulatedLifter, captured: Tensor) -> Tensor:
    """The body's joints and landmarks on their bones; where it has none, the captured place."""
    table = lifter.personal.table
    rows = [table.template[table.names.index(name)] if name in table.names else captured[row]
            for row, name in enumerate(VOCABULARY.joints)]  # fmt: skip
    places = torch.stack(rows)
    places[0] = 0  # the root's own place is told from the origin
    return places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    lifter = ArticulatedLifter(options=ArticulatedOptions(usual=0.0))
    captured = captured_places(lifter, args.root)
    places = (captured + own_places(lifter, captured)) / 2
    about = {"format": PLACES_FORMAT, "windows": f"every {EVERY}th of the training split"}
    with atomic_path(args.target) as partial:
        partial.write_bytes(save({"places": places.contiguous()}, metadata=about))


if __name__ == "__main__":
    main()
