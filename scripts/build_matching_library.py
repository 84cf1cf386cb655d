"""Build the exemplars of the matching lifter from the training split of motion capture.

    python scripts/build_matching_library.py FOLDER_WITH_MOCAP matching.safetensors

Takes a minute. Only the split `train` is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from lift3d.lifting.matching import build_library, save_library
from lift3d.plugins import datasets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder or file with the motion capture")
    parser.add_argument("target", type=Path, help="the .safetensors file to write")
    parser.add_argument("--dataset", default="mocap_h5", help="its reader in lift3d.datasets")
    parser.add_argument("--count", type=int, default=3000, help="exemplars")
    args = parser.parse_args()
    torch.set_num_threads(1)
    library = build_library(datasets[args.dataset](args.root).clips("train"), args.count)
    save_library(library, args.target)
    print(f"{len(library)} exemplars, {args.target.stat().st_size / 1e6:.2f} MB: {args.target}")


if __name__ == "__main__":
    main()
