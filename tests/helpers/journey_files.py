"""The default body and the sample in forms that tests hand to the command line."""

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from lift3d.body import BodyParams
from lift3d.samples import balancing
from lift3d_body_models import DefaultBody


def default_body_as_smpl(folder: Path) -> Path:
    """The default body in the form of an SMPL file, without pose shapes and texture."""
    body = DefaultBody()
    zero = torch.zeros(11, 3)
    betas = torch.cat([torch.zeros(1, 10), torch.eye(10)])
    rest = body(BodyParams(betas, torch.zeros(11, 23, 3), zero, zero)).vertices.numpy()
    asset = files("lift3d_body_models") / "assets" / "default_body.safetensors"
    tensors = safetensors.torch.load(asset.read_bytes())
    starts = tensors["j_regressor.starts"].tolist()
    regressor = np.zeros((24, rest.shape[1]), np.float32)
    for joint in range(24):
        part = slice(starts[joint], starts[joint + 1])
        regressor[joint, tensors["j_regressor.vertices"][part].long()] = tensors[
            "j_regressor.weights"
        ][part]
    parents = np.array(body.skeleton.parents)
    path = folder / "SMPL_NEUTRAL.npz"
    np.savez(
        path,
        v_template=rest[0],
        shapedirs=(rest[1:] - rest[0]).transpose(1, 2, 0),
        posedirs=np.zeros((rest.shape[1], 3, 207), np.float32),
        J_regressor=regressor,
        weights=body.surface.lbs_weights.numpy(),
        f=body.surface.faces.numpy(),
        kintree_table=np.array([parents, np.arange(24)]).astype(np.uint32),
    )
    return path


def short_sample(folder: Path, frames: int) -> Path:
    """The packaged keypoints, cut to their first frames."""
    with balancing() as path:
        document = json.loads(path.read_text())
    document["frames"] = document["frames"][:frames]
    short = folder / "short.json"
    short.write_text(json.dumps(document))
    return short
