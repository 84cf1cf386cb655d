"""The verbs, as plain functions whose signatures are their options."""

import sys
from pathlib import Path
from typing import Annotated, Final

import tyro

from lift3d.cli.cite import CiteOptions
from lift3d.cli.console import show_table
from lift3d.cli.convert_options import ConvertOptions
from lift3d.cli.detect_options import PictureOptions
from lift3d.cli.evaluate import ReportOptions, evaluate
from lift3d.cli.many_options import ManyOptions
from lift3d.cli.options import CameraOptions, ReadOptions
from lift3d.cli.render_options import RenderOptions
from lift3d.errors import InputError
from lift3d.evaluation import EvaluationConfig
from lift3d.io.output_formats import FormatName
from lift3d.lifting.steady import Smoothing
from lift3d.pipeline import LiftOptions
from lift3d.plots import ClipPlot
from lift3d.serving.settings import ServeSettings
from lift3d.tracking import Tracker
from lift3d.training.config import TrainConfig
from lift3d.training.keypoints import KeypointTrainConfig
from lift3d.training.regressor import RegressorConfig

__all__ = ["app"]

app = tyro.extras.SubcommandApp()

Outputs = Annotated[tuple[Path, ...], tyro.conf.arg(aliases=["-o"], metavar="FILE [FILE ...]")]


_UNKNOWN_CAMERA: Final = CameraOptions()
_AS_SEEN: Final = PictureOptions()
_AS_STATED: Final = EvaluationConfig()
_NO_OPTIONS: Final = ConvertOptions()
_NO_REPORT: Final = ReportOptions()
_AS_DRAWN: Final = RenderOptions()
_AS_LIFTED: Final = CiteOptions()
_ONE_CLIP: Final = ManyOptions()
_ON_THIS_MACHINE: Final = ServeSettings()


@app.command(name="lift")
def lift_verb(
    keypoints: tyro.conf.Positional[tuple[Path, ...]],
    /,
    output: Outputs,
    format: str | None = None,  # noqa: A002 - the word that users know
    skeleton: str | None = None,
    tracker: Tracker = "greedy",
    repair_swaps: bool = False,
    fps: float | None = None,
    camera: Annotated[CameraOptions, tyro.conf.arg(name="")] = _UNKNOWN_CAMERA,
    lifter: str = "articulated",
    weights: Path | None = None,
    body_model: str = "default",
    path: Path | None = None,
    regressor: str = "smpl",
    smooth_seconds: float = 0.06,
    smoothing: Smoothing = "gaussian",
    grounded: bool = False,
    camera_moves: bool | None = None,
    height: float | None = None,
    max_people: int = 0,
    pictures: Annotated[PictureOptions, tyro.conf.arg(name="")] = _AS_SEEN,
    many: Annotated[ManyOptions, tyro.conf.arg(name="")] = _ONE_CLIP,
) -> int:
    """Lift a 2D keypoint file, a video or pictures to 3D joints and moving bodies; or many files.

    The ending of each output chooses its format: .npz (joints and body parameters), .glb (skinned
    animation), .bvh, .usdc, .csv, .parquet, .trc, .c3d, .mot (joint angles), .json (COCO), .png, .mp4,
    .gif, .html (a page that plays). Many clips go to a folder, or as rows to a name ending in .parquet.

    Args:
        keypoints: A keypoint file, or a folder with one file per frame; or a video, a picture or a
            folder of pictures, in which a detector finds the keypoints. Many clips: several names, a
            pattern in quotes, a list (.txt), a table of paths (.parquet), a folder with --each.
        output: Where to write; several files may be given.
        format: Format of the file, where its content is told wrongly (openpose, coco, csv, ...).
        skeleton: Joint layout of the file, where it cannot be told or is told wrongly.
        tracker: How people are followed where the file has no ids.
        repair_swaps: Exchange left and right back where the detector took them for each other.
        fps: Frames per second, where the file does not say them.
        camera: The camera.
        lifter: Which lifter to use (see `lift3d list`).
        weights: Its weights, where not those that come with it: what `lift3d train` wrote.
        body_model: Which body to fit (see `lift3d list`); "" stops after the joints.
        path: File or folder to read the body model from, where it is not in the usual places.
        regressor: What reads bodies out of the joints (see `lift3d list`); "" fits them from the joints.
        smooth_seconds: Width of the smoothing window; 0 keeps every frame as it was lifted.
        smoothing: A window of one width, or each joint as far as its uncertainty says (kalman).
        grounded: Find the ground where feet stand, and hold them there.
        camera_moves: With --grounded: whether the camera does; feet tell where this is not said.
        height: Height in metres of the person seen longest, who is made that large.
        max_people: Keep only so many people, the longest seen first; 0 keeps all.
        pictures: How keypoints are found in pictures.
        many: How many clips are lifted.
    """
    from lift3d.cli.lift_many import lift_any

    options = LiftOptions(
        lifter=lifter,
        weights=weights,
        body_model=body_model,
        body_path=path,
        regressor=regressor,
        smooth_seconds=smooth_seconds,
        smoothing=smoothing,
        field_of_view=camera.field_of_view,
        grounded=grounded,
        camera_moves=camera_moves,
        height=height,
        max_people=max_people,
    )
    reading = ReadOptions(format, skeleton, fps, tracker, repair_swaps)
    return lift_any(keypoints, output, options, camera, reading, pictures=pictures, many=many)


@app.command(name="detect")
def detect_verb(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="VIDEO|PICTURE|FOLDER")],
    /,
    output: Outputs,
    pictures: Annotated[PictureOptions, tyro.conf.arg(name="")] = _AS_SEEN,
    to: FormatName | None = None,
    skeleton: str | None = None,
    tracker: Tracker = "greedy",
    repair_swaps: bool = False,
    fps: float | None = None,
    resume: bool = False,
) -> None:
    """Find people's 2D keypoints in a video or in pictures.

    The ending of each output chooses its format: .json (COCO), .csv, .parquet, .trc, or a folder
    (OpenPose). What was found is kept beside the first output until all is done.

    Args:
        source: A video, a picture, an animated picture, a folder of pictures or a pattern (*) of names.
        output: Where to write; several files may be given.
        pictures: How.
        to: The format to write, where the ending of an output leaves it open.
        skeleton: Joint layout of what the detector gives, for detectors that have to be told.
        tracker: How people are followed through the video.
        repair_swaps: Exchange left and right back where the detector took them for each other.
        fps: Frames per second, where the video does not say them.
        resume: Go on where a run of the same command was broken off.
    """
    from lift3d.cli.detect import detect_to_files

    reading = ReadOptions(None, skeleton, fps, tracker, repair_swaps)
    detect_to_files(source, output, pictures, reading, to=to, resume=resume)


@app.command(name="render")
def render_verb(
    clip: tyro.conf.Positional[Path],
    /,
    output: Outputs,
    options: Annotated[RenderOptions, tyro.conf.arg(name="")] = _AS_DRAWN,
) -> None:
    """Draw a lifted clip: pictures, a video, a page or an animation file.

    Args:
        clip: A .npz file written by `lift3d lift`.
        output: Where to write: .png, .mp4, .gif, .html, or what `lift3d lift` writes; several may be
            given.
        options: How.
    """
    from lift3d.cli.render import render

    render(clip, output, options)


@app.command(name="view")
def view_verb(
    clip: tyro.conf.Positional[Path],
    /,
    live: bool = False,
    window: bool = False,
    host: str = "127.0.0.1",
    port: int = 8090,
    token: str = "",
    path: Path | None = None,
) -> None:
    """Show a lifted clip: a page in the browser, a live view, or a window.

    Args:
        clip: A .npz file written by `lift3d lift`.
        live: Serve it through viser (extra `live`) until Ctrl-C.
        window: Open a window of pyrender's; it needs a display.
        host: With --live: where to listen; anywhere but here needs a token.
        port: With --live: on which port.
        token: With --live: what visitors must know.
        path: File or folder that the clip's body model is read from, if it is not in the usual places.
    """
    from lift3d.cli.view import view

    view(clip, live=live, window=window, host=host, port=port, token=token, body_path=path)


@app.command(name="page")
def page_verb(
    folder: tyro.conf.Positional[Path],
    /,
    runtime: Path | None = None,
    weights: Path | None = None,
) -> None:
    """Write a web page that lifts keypoint files dropped on it, in the browser (extra `onnx`).

    It needs no server and sends nothing. OpenPose, COCO, AlphaPose and MediaPipe files (JSON) can be
    dropped; joints are lifted by the universal lifter, frame by frame, and smoothed.

    Args:
        folder: The new folder to write to.
        runtime: Where the npm package onnxruntime-web lies; otherwise node_modules here or above.
        weights: Weights of a universal lifter, where not those that come with it.
    """
    from lift3d.cli.page import write_page

    write_page(folder, runtime=runtime, weights=weights)


@app.command(name="serve")
def serve_verb(
    settings: Annotated[ServeSettings, tyro.conf.arg(name="")] = _ON_THIS_MACHINE,
) -> None:
    """Serve lifting over HTTP: POST keypoints, get joints, bodies, GLB or BVH (extra `serve`).

    Args:
        settings: Where, to whom, and how much at once.
    """
    from lift3d.cli.serve import serve

    serve(settings)


@app.command(name="plot")
def plot_verb(
    source: tyro.conf.Positional[Path],
    /,
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    what: ClipPlot = "angles",
    person: int | None = None,
    truth: Path | None = None,
    path: Path | None = None,
) -> None:
    """Plot a lifted clip (angles, path, uncertainty, ...), or a training run's curves.

    Args:
        source: A .npz file written by `lift3d lift`, or the folder of a training run.
        output: Where to write: .png, .pdf or .svg.
        what: What of a clip; errors and reliability need the truth.
        person: Whose, by the id; otherwise the person seen most.
        truth: A clip of the same frames to compare with.
        path: File or folder that the clip's body model is read from, if it is not in the usual places.
    """
    from lift3d.cli.view import plot

    plot(source, output, what, person=person, truth=truth, body_path=path)


@app.command(name="convert")
def convert_verb(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="IN")],
    target: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUT")],
    /,
    options: Annotated[ConvertOptions, tyro.conf.arg(name="")] = _NO_OPTIONS,
) -> None:
    """Convert motion, keypoints, body models or lifters from one format to another.

    In: a clip (.npz) of `lift3d lift`, a keypoint file or folder of any detector, a recording (.bvh,
    .amc beside its .asf, .c3d, .trc, AMASS .npz). Out, by its ending: .npz .csv .parquet .trc .c3d .mot
    .json .bvh .glb .usd, a folder (OpenPose frames), or what --to says. A body model in any form goes to
    .safetensors, a lifter's weights to .onnx. A pair that makes no sense says why.

    Args:
        source: What to read.
        target: The file or the new folder to write.
        options: How.
    """
    from lift3d.cli.convert import convert

    convert(source, target, options)


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


@app.command(name="train-regressor")
def train_regressor_verb(config: Annotated[RegressorConfig, tyro.conf.arg(name="")]) -> None:
    """Train the body regressor on motion capture ('lift3d train regressor' is the same)."""
    from lift3d.cli.study import train_regressor

    train_regressor(config)


@app.command(name="train-keypoints")
def train_keypoints_verb(
    config: Annotated[KeypointTrainConfig, tyro.conf.arg(name="")],
) -> None:
    """Train a 2D keypoint network on pictures ('lift3d train keypoints' is the same)."""
    from lift3d.cli.train_keypoints import train_keypoints

    train_keypoints(config)


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
    from lift3d.io.keypoints.sniff import FORMATS
    from lift3d.skeletons import SKELETONS

    rows = [
        (group.group.removeprefix("lift3d."), ", ".join(group) or "none")
        for group in (
            plugins.detectors,
            plugins.lifters,
            plugins.regressors,
            plugins.body_models,
            plugins.viewers,
            plugins.datasets,
        )
    ]
    rows.append(("readers", ", ".join((*(kind.name for kind in FORMATS), *plugins.readers))))
    show_table("plug-ins", ("group", "names"), rows)
    show_table(
        "skeletons", ("name", "joints"), [(name, str(len(s))) for name, s in SKELETONS.items()]
    )


@app.command(name="cite")
def cite_verb(
    clip: tyro.conf.Positional[Path | None] = None,
    /,
    methods: Annotated[CiteOptions, tyro.conf.arg(name="")] = _AS_LIFTED,
) -> None:
    """Print BibTeX for the methods that a run used.

    Args:
        clip: A .npz file written by `lift3d lift`.
        methods: Which methods, where not those of the file, or of `lift3d lift` by itself.
    """
    from lift3d.cli.cite import cited

    sys.stdout.write(cited(clip, methods))


@app.command(name="texture")
def texture_verb(
    pictures: tyro.conf.Positional[tuple[Path, ...]],
    /,
    maps: tuple[Path, ...],
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])],
    person: int = 0,
    tile: int = 200,
    own_layout: bool = False,
) -> None:
    """Unwrap pictures of one person onto the charts of the body, as one texture without holes.

    Args:
        pictures: Pictures of the person, from as many sides as there are.
        maps: What each shows, in the same order: an IUV picture, an .npz of ours, or a DensePose dump.
        output: The .png to write.
        person: Which person of each file, from 0.
        tile: Texels along the side of each of the 24 tiles.
        own_layout: Write the body's own texture layout instead of the tiles.
    """
    from lift3d.cli.texture import make_texture

    make_texture(pictures, maps, output, person=person, tile=tile, own_layout=own_layout)


@app.command(name="licences")
def licences_verb() -> None:
    """List every file of data that came along, with its licence and source."""
    from lift3d.cli.licences import show_licences

    show_licences()


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
