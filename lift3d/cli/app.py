"""The verbs, as plain functions whose signatures are their options."""

from pathlib import Path
from typing import Annotated, Final

import tyro

from lift3d.cli.console import Stages, show_table
from lift3d.cli.options import CameraOptions
from lift3d.evaluation import EvaluationConfig
from lift3d.pipeline import LiftOptions
from lift3d.training.lifter import TrainConfig

__all__ = ["app"]

app = tyro.extras.SubcommandApp()

Outputs = Annotated[tuple[Path, ...], tyro.conf.arg(aliases=["-o"], metavar="FILE [FILE ...]")]


_UNKNOWN_CAMERA: Final = CameraOptions()
_AS_STATED: Final = EvaluationConfig()


@app.command(name="lift")
def lift_verb(
    keypoints: tyro.conf.Positional[Path],
    /,
    output: Outputs,
    skeleton: str | None = None,
    fps: float | None = None,
    camera: Annotated[CameraOptions, tyro.conf.arg(name="")] = _UNKNOWN_CAMERA,
    lifter: str = "martinez",
    body_model: str = "default",
    smooth_seconds: float = 0.06,
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
        smooth_seconds: Width of the smoothing window; 0 keeps every frame as it was lifted.
        max_people: Keep only so many people, the longest seen first; 0 keeps all.
    """
    from lift3d.cli.verbs import lift_to_files

    options = LiftOptions(
        lifter=lifter,
        body_model=body_model,
        smooth_seconds=smooth_seconds,
        max_people=max_people,
    )
    lift_to_files(keypoints, output, options, camera, skeleton=skeleton, fps=fps)


@app.command(name="render")
def render_verb(
    clip: tyro.conf.Positional[Path], /, output: Outputs, viewer: str = "pyrender"
) -> None:
    """Draw a lifted clip: pictures, a video or an animation file.

    Args:
        clip: A .npz file written by `lift3d lift`.
        output: Where to write: .png, .mp4 or .glb; several files may be given.
        viewer: Which renderer to use (see `lift3d list`).
    """
    from lift3d.cli.verbs import write_outputs
    from lift3d.io import read_clip

    with Stages() as stages:
        written = write_outputs(read_clip(clip), output, viewer=viewer, stages=stages)
    show_table("written", ("file", "size", "seconds"), written)


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
    root: tyro.conf.Positional[Path],
    /,
    json: Path | None = None,
    dataset: str = "mocap_h5",
    lifter: str = "martinez",
    weights: Path | None = None,
    config: Annotated[EvaluationConfig, tyro.conf.arg(name="")] = _AS_STATED,
) -> None:
    """Measure a lifter on motion capture: MPJPE and PA-MPJPE with their protocol.

    Args:
        root: Folder or file with the motion capture.
        json: Also write the figures to this file.
        dataset: Which reader to use (see `lift3d list`).
        lifter: Which lifter to measure (see `lift3d list`).
        weights: Its weights, where not those that come with it.
        config: What is shown to the lifter.
    """
    from lift3d.cli.study import evaluate

    evaluate(root, dataset, lifter, weights, config, json)


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
def doctor_verb() -> None:
    """Say what works on this machine and what is missing."""
    from lift3d.cli.doctor import examine

    rows = [(c.what, "yes" if c.works else "no", c.detail) for c in examine()]
    show_table("what works here", ("part", "works", "detail"), rows)
