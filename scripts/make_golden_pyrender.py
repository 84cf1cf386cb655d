"""Make the small pictures that the off-screen viewer's tests compare with, in `tests/viewer/golden`.

    python scripts/make_golden_pyrender.py

The scenes are those of `make_golden_pictures.py`. GL drivers differ in the last bits, so the tests
compare with a tolerance. Look at what it made before it is kept.
"""

import torch
from make_golden_pictures import SCENES, write

from lift3d_viewer.offscreen import OffscreenViewer


def main() -> None:
    torch.set_num_threads(1)
    with OffscreenViewer() as viewer:
        write(viewer, "pyrender", SCENES)


if __name__ == "__main__":
    main()
