"""The verbs, as plain functions whose signatures are their options."""

from pathlib import Path
from typing import Annotated, Final

import tyro

from lift3d.cli.console import Stages, show_table
from lift3d.cli.evaluate import ReportOptions, evaluate
from lift3d.cli.options import CameraOptions
from lift3d.errors import InputError
from lift3d.evaluation import EvaluationConfig
from lift3d.lifting.steady import Smoothing
from lift3d.pipeline import LiftOptions
from lift3d.training.lifter import TrainConfig

__all__ = ["app"]

app = tyro.extras.SubcommandApp()

Outputs = Annotated[tuple[Path, ...], tyro.conf.arg(aliases=["-o"], metavar="FILE [FILE ...]")]


_UNKNOWN_CAMERA: Final = CameraOptions()
_AS_STATED: Final = EvaluationConfig()
_NO_REPORT: Final = ReportOptions()


@app.command(name="lift")
def lift_verb(
    keypoints: tyro.conf.Positional[Path],
    /,
    output: Outputs,
    skeleton: str | None = None,
    fps: float | None = None,
    camera: Annotated[CameraOptions, tyro.conf.arg(name="")] = _UNKNOWN_CAMERA,
    lifter: str = "universal",
    body_model: str = "default",
    path: Path | None = None,
    smooth_seconds: float = 0.06,
    smoothing: Smoothing = "gaussian",
    grounded: bool = False,
    camera_moves: bool | None = None,
    height: float | None = None,
    max_people: int = 0,
) -> None:
    """Lift a 2D keypoint file to 3D joints and moving bodies.

    The ending of each output chooses its format: .npz (joints and body parameters), .glb (skinned
    animation), .png, .mp4.

    Args:
        keypoints: A keypoint file, or a folder with one file per frame.
        output: Where to write; several files may be given.
        skeleton: Joint layout of the file, where it cannot be told or is told wrongly.
        fps: Frames per second, where the file does not say them.
        camera: The camera.
        lifter: Which lifter to use (see `lift3d list`).
        body_model: Which body to fit (see `lift3d list`); "" stops after the joints.
        path: File or folder to read the body model from, where it is not in the usual places.
        smooth_seconds: Width of the smoothing window; 0 keeps every frame as it was lifted.
        smoothing: A window of one width, or each joint as far as its uncertainty says (kalman).
        grounded: Find the ground where feet stand, and hold them there.
        camera_moves: With --grounded: whether the camera does; feet tell where this is not said.
        height: Height in metres of the person seen longest, who is made that large.
        max_people: Keep only so many people, the longest seen first; 0 keeps all.
    """
    from lift3d.cli.verbs import lift_to_files

    options = LiftOptions(
        lifter=lifter,
        body_model=body_model,
        body_path=path,
        smooth_seconds=smooth_seconds,
        smoothing=smoothing,
        grounded=grounded,
        camera_moves=camera_moves,
        height=height,
        max_people=max_people,
    )
    lift_to_files(keypoints, output, options, camera, skeleton=skeleton, fps=fps)


@app.command(name="render")
def render_verb(
    clip: tyro.conf.Positional[Path],
    /,
    output: Outputs,
    viewer: str = "pyrender",
    path: Path | None = None,
) -> None:
    """Draw a lifted clip: pictures, a video or an animation file.

    Args:
        clip: A .npz file written by `lift3d lift`.
        output: Where to write: .png, .mp4 or .glb; several files may be given.
        viewer: Which renderer to use (see `lift3d list`).
        path: File or folder that the clip's body model is read from, if it is not in the usual places.
    """
    from lift3d.cli.verbs import write_outputs
    from lift3d.io import read_clip

    with Stages() as stages:
        written = write_outputs(
            read_clip(clip), output, viewer=viewer, stages=stages, body_path=path
        )
    show_table("written", ("file", "size", "seconds"), written)


@app.command(name="convert")
def convert_verb(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IN")],
    target: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")],
    /,
    body_model: str = "",
    path: Path | None = None,
) -> None:
    """Convert a body model to .safetensors, a lifter to .onnx, or a lifted clip to another body.

    Args:
        source: SMPL, SMPL-H, SMPL-X, MANO or FLAME in any form (its content tells which it is), a
            lifter's weights, or a clip (.npz) that `lift3d lift` wrote.
        target: The file to write: .safetensors for a body model, .onnx for a lifter, .npz for a clip.
        body_model: For clips: the body to convert to (see `lift3d list`).
        path: File or folder that this body is read from, if it is not in the usual places.
    """
    from lift3d.cli.convert import convert, convert_bodies

    if body_model:
        convert_bodies(source, target, body_model, path)
    else:
        convert(source, target)


@app.command(name="demo")
def demo_verb(output: Annotated[Path, tyro.conf.arg(aliases=["-o"])] = Path("out")) -> None:
    """Lift the real keypoints that come with lift3d and write every kind of output.

    Args:
        output: The folder to write to.
    """
    from lift3d.cli.verbs import lift_to_files
    from lift3d.samples import balancing

    names = tuple(output / f"balancing{suffix}" for suffix in (".npz", ".glb", ".png", ".mp4"))
    with balancing() as sample:
        lift_to_files(sample, names, LiftOptions(), CameraOptions())


@app.command(name="train")
def train_verb(config: Annotated[TrainConfig, tyro.conf.arg(name="")]) -> None:
    """Train a lifter on motion capture; a run found in the output folder is resumed."""
    from lift3d.cli.study import train

    train(config)


@app.command(name="eval")
def eval_verb(
    root: tyro.conf.Positional[Path | None] = None,
    /,
    dataset: str = "mocap_h5",
    lifter: str = "universal",
    weights: Path | None = None,
    config: Annotated[EvaluationConfig, tyro.conf.arg(name="")] = _AS_STATED,
    report: Annotated[ReportOptions, tyro.conf.arg(name="")] = _NO_REPORT,
) -> None:
    """Measure a lifter on motion capture: MPJPE, PA-MPJPE and more, with their protocol.

    Args:
        root: Folder or file with the motion capture, where the dataset has one.
        dataset: Which reader to use (see `lift3d list`).
        lifter: Which lifter to measure (see `lift3d list`).
        weights: Its weights, where not those that come with it.
        config: What is shown to the lifter.
        report: Where the figures go.
    """
    evaluate(root, dataset, lifter, weights, config, report)


@app.command(name="list")
def list_verb() -> None:
    """List what is installed: plug-ins by group, and the named skeletons."""
    from lift3d import plugins
    from lift3d.skeletons import SKELETONS

    rows = [
        (group.group.removeprefix("lift3d."), ", ".join(group) or "none")
        for group in (plugins.lifters, plugins.body_models, plugins.viewers, plugins.datasets)
    ]
    show_table("plug-ins", ("group", "names"), rows)
    show_table(
        "skeletons", ("name", "joints"), [(name, str(len(s))) for name, s in SKELETONS.items()]
    )


@app.command(name="doctor")
def doctor_verb(
    root: tyro.conf.Positional[Path | None] = None, /, dataset: str | None = None
) -> None:
    """Say what works on this machine and what is missing, or what of a dataset is in a folder.

    Args:
        root: Folder of the dataset.
        dataset: Look at a dataset instead of the machine: the name of its reader (see `lift3d list`).
    """
    from lift3d.cli.doctor import examine, examine_dataset

    if (root is None) != (dataset is None):
        raise InputError(
            "expected a dataset's name and its folder together, got one of them: "
            "write lift3d doctor --dataset NAME FOLDER"
        )
    if root is None or dataset is None:
        rows = [(c.what, "yes" if c.works else "no", c.detail) for c in examine()]
        show_table("what works here", ("part", "works", "detail"), rows)
        return
    rows = [(c.what, "yes" if c.works else "no", c.detail) for c in examine_dataset(dataset, root)]
    show_table(f"{dataset} in {root}", ("part", "there", "detail"), rows)
