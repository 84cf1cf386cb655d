"""Posing bodies: ours against smplx, smplfitter and body-models, with what we lose as well.

The model is random numbers in SMPL's format at full size: 6890 vertices, 24 joints, four bones a
vertex, 207 pose shapes that move everything, 10 betas. Every body has its own betas and pose. The
peers run in inference mode; one thread; ratios are of medians of CPU time measured in turn. Rows of
our own default body stand beside them: its pose shapes are sparse.

Peak memory is the growth of the largest resident set over one call for 1024 bodies, in a process of
its own after a small call has warmed everything up.
"""

import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from benches._harness import measure, report
from torch import Tensor

from lift3d.body import BodyParams, Surface
from lift3d.plugins import body_models
from lift3d.skeletons import SMPL_24
from lift3d_body_models import LinearBlendBody

VERTICES, JOINTS, BETAS = 6890, 24, 10
BATCHES = (1, 16, 64, 256, 1024)
Arrays = dict[str, np.ndarray]
Poser = Callable[[BodyParams], Tensor]


def smpl_arrays() -> Arrays:
    """A random model as SMPL's files hold it; pose shapes move vertices by millimetres."""
    draw = np.random.default_rng(0)
    weights = np.zeros((VERTICES, JOINTS), np.float32)
    bones = draw.random((VERTICES, JOINTS)).argsort(1)[:, :4]
    np.put_along_axis(weights, bones, draw.dirichlet(np.ones(4), VERTICES).astype(np.float32), 1)
    regressor = np.zeros((JOINTS, VERTICES), np.float32)
    np.put_along_axis(regressor, draw.random((JOINTS, VERTICES)).argsort(1)[:, :30], 1 / 30, 1)
    parents = np.array(SMPL_24.parents, np.int64)
    return {
        "v_template": draw.normal(0, 0.3, (VERTICES, 3)).astype(np.float32),
        "shapedirs": draw.normal(0, 0.01, (VERTICES, 3, BETAS)).astype(np.float32),
        "posedirs": draw.normal(0, 0.002, (VERTICES, 3, 9 * (JOINTS - 1))).astype(np.float32),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.stack([parents, np.arange(JOINTS)]),
        "f": draw.integers(0, VERTICES, (13776, 3)),
    }


def our_body(arrays: Arrays, *, half_pose_shapes: bool = False) -> LinearBlendBody:
    faces = torch.from_numpy(arrays["f"])
    surface = Surface(
        faces=faces,
        lbs_weights=torch.from_numpy(arrays["weights"]),
        colors=torch.zeros(VERTICES, 3),
        uv=torch.zeros(0, 2),
        uv_faces=torch.zeros_like(faces),
        parts=torch.zeros(len(faces), dtype=torch.long),
        part_names=("all",),
    )
    return LinearBlendBody.from_smpl_arrays(
        "random",
        SMPL_24,
        v_template=torch.from_numpy(arrays["v_template"]),
        shapedirs=torch.from_numpy(arrays["shapedirs"]),
        posedirs=torch.from_numpy(arrays["posedirs"]),
        j_regressor=torch.from_numpy(arrays["J_regressor"]),
        surface=surface,
        half_pose_shapes=half_pose_shapes,
    )


def random_params(bodies: int, device: str = "cpu") -> BodyParams:
    draw = torch.Generator().manual_seed(bodies)
    pose = 0.4 * torch.randn(bodies, JOINTS, 3, generator=draw)
    betas = torch.randn(bodies, BETAS, generator=draw)
    transl = torch.randn(bodies, 3, generator=draw)
    return BodyParams(
        betas.to(device), pose[:, 1:].to(device), pose[:, 0].to(device), transl.to(device)
    )


def smplx_poser(arrays: Arrays, device: str = "cpu") -> Poser:
    import smplx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = smplx.SMPL("", data_struct=smplx.utils.Struct(**arrays)).to(device)

    @torch.inference_mode()
    def run(params: BodyParams) -> Tensor:
        vertices: Tensor = model(
            betas=params.betas,
            body_pose=params.body_pose.flatten(1),
            global_orient=params.global_orient,
            transl=params.transl,
        ).vertices
        return vertices

    return run


def smplfitter_poser(arrays: Arrays, folder: Path) -> Poser:
    from smplfitter.pt import BodyModel

    # Its own file format for SMPL: a pickle, written here for it to read back.
    path = folder / "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"
    path.write_bytes(pickle.dumps(arrays))
    np.save(folder / "kid_template.npy", arrays["v_template"])
    model = BodyModel("smpl", "neutral", model_root=str(folder), num_betas=BETAS).eval()

    @torch.inference_mode()
    def run(params: BodyParams) -> Tensor:
        rotations = params.axis_angle.flatten(1)
        vertices: Tensor = model(
            pose_rotvecs=rotations, shape_betas=params.betas, trans=params.transl
        )["vertices"]
        return vertices

    return run


def body_models_poser(arrays: Arrays, folder: Path) -> Poser:
    from body_models.smpl.torch import SMPL

    np.savez(folder / "SMPL_NEUTRAL.npz", **arrays)
    model = SMPL(model_path=folder / "SMPL_NEUTRAL.npz")

    @torch.inference_mode()
    def run(params: BodyParams) -> Tensor:
        vertices: Tensor = model.forward_vertices(
            params.body_pose,
            pelvis_rotation=params.global_orient,
            shape=params.betas,
            global_translation=params.transl,
        )
        return vertices

    return run


def peers(arrays: Arrays, folder: Path) -> dict[str, Poser]:
    makers: dict[str, Callable[[], Poser]] = {
        "smplx": lambda: smplx_poser(arrays),
        "smplfitter": lambda: smplfitter_poser(arrays, folder),
        "body_models": lambda: body_models_poser(arrays, folder),
    }
    found: dict[str, Poser] = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except ImportError:
            print(f"{name} is not installed, so nothing is compared with it: scripts/setup bench")
    return found


def repeated(run: Callable[[], object], times: int) -> Callable[[], object]:
    def several() -> None:
        for _ in range(times):
            run()

    return several


def vertices_figures(arrays: Arrays, others: dict[str, Poser]) -> dict[str, float]:
    figures: dict[str, float] = {}
    body, half = our_body(arrays), our_body(arrays, half_pose_shapes=True)
    default = body_models["default"]()
    ours: dict[str, Poser] = {
        "ours": lambda params: body(params).vertices,
        "ours_half_pose_shapes": lambda params: half(params).vertices,
        "ours_default_body": lambda params: default(params).vertices,
    }
    for bodies in BATCHES:
        params = random_params(bodies)
        times = max(1, 256 // bodies)  # short runs would measure the caches of those before
        runs = {
            name: repeated(lambda pose=pose, params=params: pose(params), times)
            for name, pose in (ours | others).items()
        }
        seconds = {name: each[1] / times for name, each in measure(runs).items()}
        for name, taken in seconds.items():
            figures[f"vertices_b{bodies}_{name}_per_s"] = bodies / taken
            if name in others:
                figures[f"vertices_b{bodies}_vs_{name}"] = taken / seconds["ours"]
        figures |= differences(bodies, ours, others)
    return figures


def differences(bodies: int, ours: dict[str, Poser], others: dict[str, Poser]) -> dict[str, float]:
    """The largest distances from smplx's vertices, in millimetres."""
    if "smplx" not in others:
        return {}
    params = random_params(bodies)
    truth = others["smplx"](params)
    candidates = {name: ours[name] for name in ("ours", "ours_half_pose_shapes")} | others
    return {
        f"error_mm_b{bodies}_{name}": 1000 * float((pose(params) - truth).norm(dim=-1).max())
        for name, pose in candidates.items()
        if name != "smplx"
    }


def joints_figures(arrays: Arrays) -> dict[str, float]:
    body, many, one = our_body(arrays), random_params(1024), random_params(1)
    shaped = body.shaped(one.betas[0])
    turns, transl = one.axis_angle[0].numpy(), one.transl[0].numpy()
    times = 2000
    taken = measure(
        {
            "many": lambda: body.joints(many),
            "one": repeated(lambda: body.joints(one), times),
            "live": repeated(lambda: shaped.joints(turns, transl), times),
        },
        rounds=15,
    )
    return {
        "joints_per_s_b1024": 1024 / taken["many"][1],
        "joints_b1_us": 1e6 * taken["live"][1] / times,
        "joints_b1_by_tensors_us": 1e6 * taken["one"][1] / times,
    }


def peak_bytes(name: str) -> None:
    """Print how much one call for 1024 bodies adds to the resident set; runs in its own process."""
    torch.set_num_threads(1)
    arrays = smpl_arrays()
    body = our_body(arrays)
    poser = smplx_poser(arrays) if name == "smplx" else lambda params: body(params).vertices
    params = random_params(1024)
    poser(params[:32])
    Path("/proc/self/clear_refs").write_text("5")  # starts the peak anew
    before = _status("VmRSS")
    poser(params)
    print(_status("VmHWM") - before)


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def memory_figures(others: dict[str, Poser]) -> dict[str, float]:
    if not Path("/proc/self/clear_refs").exists() or "smplx" not in others:
        print("peak memory is not measured: it needs Linux and smplx")
        return {}
    peaks: dict[str, float] = {}
    for name in ("ours", "smplx"):
        code = f"from benches.bodies import peak_bytes; peak_bytes({name!r})"
        out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        peaks[name] = float(out.stdout.split()[-1])
    return {
        "memory_b1024_mb": peaks["ours"] / 1e6,
        "memory_b1024_smplx_mb": peaks["smplx"] / 1e6,
        "memory_b1024_vs_smplx": peaks["ours"] / peaks["smplx"],
    }


def gpu_figures(arrays: Arrays, others: dict[str, Poser]) -> dict[str, float]:
    if not torch.cuda.is_available() or "smplx" not in others:
        print("GPU: not measured")
        return {}
    body, theirs, params = our_body(arrays), smplx_poser(arrays, "cuda"), random_params(256, "cuda")
    runs = {"ours": lambda: body(params).vertices, "smplx": lambda: theirs(params)}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(20):
        for name, run in runs.items():
            torch.cuda.synchronize()
            started = time.perf_counter()
            run()
            torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - started)
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    return {
        "gpu_vertices_b256_per_s": 256 / median["ours"],
        "gpu_vertices_b256_vs_smplx": median["smplx"] / median["ours"],
    }


def fit_rows() -> dict[str, float]:
    try:
        from benches.fit import fit_figures
    except ImportError:
        print("the fit to joints is not measured: benches.fit has no fit_figures")
        return {}
    return fit_figures()


def main() -> None:
    arrays = smpl_arrays()
    with tempfile.TemporaryDirectory() as folder:
        others = peers(arrays, Path(folder))
    figures = vertices_figures(arrays, others) | joints_figures(arrays) | memory_figures(others)
    report(figures | gpu_figures(arrays, others) | fit_rows())


if __name__ == "__main__":
    main()
