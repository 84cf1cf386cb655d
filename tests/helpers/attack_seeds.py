"""A good file for every reader, from which attacks and fuzzing start: made by tests' own generators.

Real files stand beside them where `LIFT3D_TEST_DATA` names some.
"""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.datasets import (
    test_folder_mocap,
)
from tests.helpers import array_files, family_files
from tests.helpers.hostile_case import FLAT, LONG
from tests.io import test_romp

_SMALL = 1 << 16


def made(write: Callable[[Path], object], pattern: str) -> list[bytes]:
    """The files of that pattern that `write` leaves in a folder."""
    with TemporaryDirectory() as name:
        write(Path(name))
        return [path.read_bytes() for path in sorted(Path(name).rglob(pattern)) if path.is_file()]


def real(pattern: str, most: int, cut: int | None = None) -> list[bytes]:
    """Real files, cut after so many lines."""
    root = Path(os.environ.get("LIFT3D_TEST_DATA", "/nowhere"))
    found = [path.read_bytes() for path in sorted(root.rglob(pattern))[:most]]
    cut_off = [b"\n".join(text.split(b"\n")[:cut]) + b"\n" for text in found]
    return [text for text in cut_off if len(text) < _SMALL]


def as_json(*documents: Any) -> list[bytes]:
    return [json.dumps(document).encode() for document in documents]


# ---- keypoints ----


def keypoints_json() -> list[bytes]:
    pairs = [[x, y] for x, y in zip(FLAT[0::3], FLAT[1::3], strict=True)]
    instance = {"keypoints": pairs, "keypoint_scores": [0.9] * 17, "bbox": [[0, 0, 9, 9]]}
    entry = {"image_id": "1.jpg", "category_id": 1, "keypoints": FLAT, "score": 1.0, "idx": 2}
    landmarks = [[0.1 + n / 99, 0.2, 0.1, 0.9] for n in range(33)]
    space = [v for n in range(25) for v in (n, n, 1.0, 0.5)]
    person = {"pose_keypoints_2d": LONG, "person_id": [-1], "pose_keypoints_3d": space}
    images = [{"id": 1, "width": 640, "height": 480, "file_name": "1.jpg"}]
    return real("*_keypoints.json", 2) + as_json(
        {"version": 1.3, "people": [person]},
        [entry, entry | {"image_id": "2.jpg"}],
        [entry | {"image_id": 1}],
        {"images": images, "annotations": [{"image_id": 1, "id": 1, "keypoints": FLAT}]},
        {"1.jpg": {"version": "AlphaPose", "people": [{"pose_keypoints_2d": LONG}]}},
        [instance],
        {"meta_info": {"x": 1}, "instance_info": [{"frame_id": 0, "instances": [instance]}]},
        {"frames": [{"frame": 0, "landmarks": landmarks}], "fps": 30, "image_size": [480, 640]},
        [landmarks],
        {"height": 480, "width": 640, "annots": [{"personID": 0, "keypoints": [[1, 2, 0.5]] * 25}]},
    )


def keypoints_npy() -> list[bytes]:
    good, rng = array_files.walk(2), np.random.default_rng(0)
    plain = [good, good[:, 0], good[..., :2].astype(np.float32), rng.random((2, 33, 4))]
    return [array_files.npy(array) for array in plain]


def keypoints_npz() -> list[bytes]:
    good = array_files.walk(2)
    return [
        array_files.npz(keypoints=good, fps=30.0, joints=np.array(["a"] * 17)),
        array_files.videopose3d({"a": good[:, 0, :, :2]}),
        array_files.detectron([good[0], good[1]], {"w": 640, "h": 480}),
        array_files.npz(keypoints=array_files.listed([good[0], good[1]])),
        array_files.npz(results=np.array(test_romp.picture(1), dtype=object)),
        array_files.npz(results=np.array({"1.jpg": test_romp.picture(1)}, dtype=object)),
    ]


def keypoints_h5() -> list[bytes]:
    good = array_files.walk(2, 5)
    tracks = good[..., :2].transpose(1, 3, 2, 0)
    files = array_files
    return [
        *made(lambda at: files.dlc_table_h5(at / "a.h5", good, files.BODY), "*.h5"),
        *made(lambda at: files.dlc_fixed_h5(at / "a.h5", good, files.BODY, ("a",)), "*.h5"),
        *made(lambda at: files.sleap_h5(at / "a.h5", tracks, files.BODY, ("t",)), "*.h5"),
    ]


def keypoints_pickle() -> list[bytes]:
    good = array_files.walk(2)
    bert = {"joint_2d": good[:, 0, :, :2], "confidence": good[:, 0, :, 2], "source": ["a", "a"]}
    values = ({"keypoints": good, "fps": 25.0}, [good[0], good[1]], {"train": bert, "test": {}})
    return [pickle.dumps(value, protocol) for value in values for protocol in (0, 2, 5)]


def keypoints_csv() -> list[bytes]:
    good = array_files.walk(2)
    named = good[:, :, :5]
    marks = ",".join(f"x{n},y{n},z{n},v{n}" for n in range(33))
    rows = "\n".join(",".join(["0.5"] * 132) for _ in range(2))
    texts = (
        array_files.tidy_csv(good),
        array_files.wide_csv(good),
        array_files.dlc_csv(named, array_files.BODY),
        array_files.dlc_csv(named, array_files.BODY, ("a",)),
        f"{marks}\n{rows}\n",
    )
    return [text.encode() for text in texts]


def trc() -> list[bytes]:
    good = array_files.walk(2)[:, 0]
    names = [f"m{n}" for n in range(17)]
    flat = good * (1, 1, 0)
    return [
        array_files.trc(good, names).encode(),
        array_files.trc(flat, list(array_files.COCO_17.joints), units="px").encode(),
    ]


# ---- pickles and what holds them ----


def pickles() -> list[bytes]:
    import scipy.sparse

    values = [
        {"a": 1, "b": [1.5, None, True, (1, 2), {3}, b"x", "é", 1 << 70, 1j]},
        {"n": np.arange(3), "u": np.array(["a"]), "o": array_files.listed([np.ones(2)])},
        scipy.sparse.csc_matrix(np.eye(3)),
        np.asfortranarray(np.eye(2)),
    ]
    return [pickle.dumps(value, protocol) for value in values for protocol in range(6)]


def torch_zip() -> list[bytes]:
    import torch

    value = {"a": torch.ones(2, 3), "b": torch.arange(4), "c": [torch.ones(2).bfloat16()]}
    return made(lambda at: torch.save(value, at / "a.pt"), "*.pt")


def body_pickle() -> list[bytes]:
    model = family_files.arrays("mano", vertices=12)
    return [
        *made(lambda at: family_files.write_pickle(at / "a.pkl", model), "*.pkl"),
        *made(lambda at: family_files.write_old_pickle(at / "a.pkl", model), "*.pkl"),
    ]


def body_npz() -> list[bytes]:
    model = family_files.arrays("flame", vertices=12)
    return [
        *made(lambda at: family_files.write_npz(at / "a.npz", model), "*.npz"),
        *made(lambda at: family_files.write_object_npz(at / "a.npz", model), "*.npz"),
    ]


def body_safetensors() -> list[bytes]:
    from lift3d_body_models.model_arrays import checked_arrays
    from lift3d_body_models.model_files import write_model

    arrays = checked_arrays(family_files.arrays("flame", vertices=12), "seed")
    return made(lambda at: write_model(at / "a.safetensors", arrays), "*.safetensors")


def weights() -> list[bytes]:
    from lift3d.lifting.universal_net import UniversalConfig, UniversalNet, save_weights

    network = UniversalNet(UniversalConfig(width=2, blocks=1, hypotheses=1))
    return made(lambda at: save_weights(network, at / "a.safetensors"), "*.safetensors")


def exemplars() -> list[bytes]:
    import torch

    from lift3d.lifting.exemplars import ExemplarLibrary, ViewGrid, save_library

    library = ExemplarLibrary(torch.rand(2, 23, 3), ViewGrid(4, (0.0,), 4.0))
    return made(lambda at: save_library(library, at / "a.safetensors"), "*.safetensors")


# ---- clips and recordings ----


def clip_npz() -> list[bytes]:
    from lift3d.io import write_clip
    from tests.helpers.world_clip import random_clip

    return made(lambda at: write_clip(at / "a.npz", random_clip(1, 4)), "*.npz")


def bvh() -> list[bytes]:
    rows = ["10 90 20 0 0 0"] * 2
    return made(lambda at: test_folder_mocap.bvh(at / "a.bvh", rows), "*.bvh") + real(
        "tpose.bvh", 1
    )


def asf() -> list[bytes]:
    return real("asfamc/02.asf", 1) or [SMALL_ASF]


def amc() -> list[bytes]:
    return real("asfamc/02_01.amc", 1, cut=33) or [SMALL_AMC]


def beside_amc(folder: Path) -> None:
    (folder / "take.asf").write_bytes(asf()[0])


def beside_amc_folder(folder: Path) -> None:
    (folder / "02.asf").write_bytes(asf()[0])


def beside_asf(folder: Path) -> None:
    (folder / "take_01.amc").write_bytes(amc()[0])


SMALL_ASF = b""":units
 length 0.45
 angle deg
:root
 order TX TY TZ RX RY RZ
 axis XYZ
 position 0 0 0
 orientation 0 0 0
:bonedata
 begin
  id 1
  name hip
  direction 1 0 0
  length 2
  axis 0 0 0 XYZ
  dof rx ry rz
 end
:hierarchy
 begin
  root hip
 end
"""
SMALL_AMC = (
    b":FULLY-SPECIFIED\n:DEGREES\n1\nroot 1 2 3 4 5 6\nhip 1 2 3\n2\nroot 1 2 3 4 5 6\nhip 1 2 3\n"
)


def c3d() -> list[bytes]:
    from lift3d.io.keypoints.point_tracks import PointTracks
    from lift3d.io.motion.c3d_write import write_c3d

    tracks = PointTracks(("a", "b"), np.random.default_rng(0).random((3, 2, 3)), 100.0, 0)
    return made(lambda at: write_c3d(at / "a.c3d", tracks), "*.c3d")


# ---- heat maps ----


def heatmaps_float() -> list[bytes]:
    from lift3d.decoders.limbs import LIMB_MODELS

    count = LIMB_MODELS[0].maps
    values = np.full(4 + count * 6, 99, "<f4")
    values[:4] = 3, count, 2, 3
    return [values.tobytes()]


def heatmaps_png() -> list[bytes]:
    import cv2

    from lift3d.decoders.limbs import LIMB_MODELS

    picture = np.full((4, 4 * LIMB_MODELS[0].maps), 99, np.uint8)
    return [cv2.imencode(kind, picture)[1].tobytes() for kind in (".png", ".jpg", ".bmp")]
