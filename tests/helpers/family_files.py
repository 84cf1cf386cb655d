"""Small random models of SMPL's family in every form that people hold. Nothing of theirs is in them."""

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

JOINTS = {"smpl": 24, "smplh": 52, "smplx": 55, "mano": 16, "flame": 5}
SHAPES = {"smpl": 12, "smplh": 16, "smplx": 400, "mano": 10, "flame": 20}
FINGERS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
BODY = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)


def fingers(first: int, wrist: int) -> tuple[int, ...]:
    return tuple(wrist if parent == 0 else first + parent - 1 for parent in FINGERS[1:])


PARENTS = {
    "smpl": (*BODY, 20, 21),
    "smplh": (*BODY, *fingers(22, 20), *fingers(37, 21)),
    "smplx": (*BODY, 15, 15, 15, *fingers(25, 20), *fingers(40, 21)),
    "mano": FINGERS,
    "flame": (-1, 0, 1, 1, 1),
}


def arrays(kind: str, vertices: int = 60, seed: int = 0) -> dict[str, Any]:
    """Arrays under the names, in the types and with the shapes of the family's files.

    Big ones have few shapes and no pose shapes, to be quick.
    """
    draw = np.random.default_rng(seed)
    joints, parents = JOINTS[kind], np.array(PARENTS[kind], dtype=np.int64)
    weights = draw.random((vertices, joints)) ** 8
    regressor = draw.random((joints, vertices)) ** 4
    regressor[regressor < 0.3] = 0
    shapes = SHAPES[kind] if vertices < 1000 else 20
    posedirs = np.zeros((vertices, 3, 9 * (joints - 1)), np.float16)
    if vertices < 1000:
        posedirs = draw.normal(size=posedirs.shape) * 0.002
    out: dict[str, Any] = {
        "v_template": draw.normal(size=(vertices, 3)) * 0.4,
        "shapedirs": draw.normal(size=(vertices, 3, shapes)) * 0.02,
        "posedirs": posedirs,
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        "f": draw.integers(0, vertices, (2 * vertices, 3)).astype(np.uint32),
        "kintree_table": np.array([parents, np.arange(joints)]).astype(np.uint32),
    }
    if kind in ("smplh", "smplx"):
        for side in "lr":
            out[f"hands_components{side}"] = np.linalg.qr(draw.normal(size=(45, 45)))[0]
            out[f"hands_mean{side}"] = draw.normal(size=45) * 0.2
    if kind == "mano":
        out["hands_components"] = np.linalg.qr(draw.normal(size=(45, 45)))[0]
        out["hands_mean"] = draw.normal(size=45) * 0.2
    if kind == "smplx":
        out["vt"] = draw.random((vertices + 5, 2))
        out["ft"] = draw.integers(0, vertices + 5, (2 * vertices, 3)).astype(np.uint32)
    return out


def write_npz(path: Path, model: dict[str, Any]) -> Path:
    np.savez(path, **model)
    return path


def write_object_npz(path: Path, model: dict[str, Any]) -> Path:
    """As people make of pickles: the sparse matrix is an object in an array, and so is a dict."""
    sparse = scipy.sparse.csc_matrix(model["J_regressor"])
    extra = {"joint2num": np.array({"Pelvis": 0}, dtype=object)}
    np.savez(path, **{**model, "J_regressor": np.array(sparse, dtype=object), **extra})
    return path


def write_pickle(path: Path, model: dict[str, Any], protocol: int = 2) -> Path:
    """Dense and plain, as cleaned files are."""
    path.write_bytes(pickle.dumps(model, protocol))
    return path


def write_old_pickle(path: Path, model: dict[str, Any], protocol: int = 2) -> Path:
    """As the official files are: chumpy inside, a sparse regressor, SciPy's old names, latin1 texts."""
    with fake_chumpy() as (ch, select):
        whole = ch(x=model["shapedirs"], _dirty_vars=set(), _itr=None)
        old = {
            **model,
            "J_regressor": scipy.sparse.csc_matrix(model["J_regressor"]),
            "J_regressor_prior": scipy.sparse.csc_matrix(model["J_regressor"]),
            "v_template": ch(x=model["v_template"], _status="new"),
            "shapedirs": select(
                a=whole,
                idxs=np.arange(model["shapedirs"].size),
                preferred_shape=model["shapedirs"].shape,
            ),
            "J": ch(x=np.zeros((2, 3))),
            "bs_type": "lrotmin",
            "bs_style": "lbs",
            "f": model["f"].astype(np.int64),
        }
        data = pickle.dumps(old, protocol)
    if protocol < 4:  # the names of the libraries that the files were made with
        data = data.replace(b"scipy.sparse._csc", b"scipy.sparse.csc")
        data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    path.write_bytes(data)
    return path


class fake_chumpy:  # noqa: N801 - used like a function
    """Classes under chumpy's names for as long as something is pickled."""

    def __enter__(self) -> tuple[Any, Any]:
        made: list[Any] = []
        for module, name in (("chumpy.ch", "Ch"), ("chumpy.reordering", "Select")):

            def init(self: Any, **state: Any) -> None:
                self.__dict__.update(state)

            cls = type(name, (), {"__module__": module, "__init__": init})
            fake = types.ModuleType(module)
            setattr(fake, name, cls)
            sys.modules[module] = fake
            made.append(cls)
        sys.modules["chumpy"] = types.ModuleType("chumpy")
        return made[0], made[1]

    def __exit__(self, *_: object) -> None:
        for name in ("chumpy", "chumpy.ch", "chumpy.reordering"):
            del sys.modules[name]
