"""What the verb `lift` does: one clip, or many with a bar, a table of errors and an exit code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lift3d.cli.console import Stages, console, show_table
from lift3d.cli.detect_options import PictureOptions
from lift3d.cli.many_options import ManyOptions
from lift3d.cli.options import CameraOptions, ReadOptions
from lift3d.cli.verbs import check_outputs, lift_to_files
from lift3d.detection import holds_pictures
from lift3d.errors import InputError
from lift3d.pipeline import LiftOptions
from lift3d.scaling import (
    Listing,
    LocalEngine,
    RayEngine,
    Reading,
    Report,
    Work,
    lift_files,
    listing_of,
)
from lift3d.scaling.made import is_made, made_of, remember

__all__ = ["FAILED_FROM", "lift_any"]

FAILED_FROM: Final = 10
"""The exit code is this plus the number of files that could not be lifted, at most 99."""
_SHOWN: Final = 5


def lift_any(
    sources: Sequence[Path],
    outputs: Sequence[Path],
    options: LiftOptions,
    camera: CameraOptions,
    reading: ReadOptions,
    *,
    pictures: PictureOptions,
    many: ManyOptions,
) -> int:
    """Lift one clip to files, or many to a folder; returns the exit code.

    0 is all; 10 + n says that n files of many could not be lifted, 99 that 89 or more could not.
    """
    listing = None if _pictures(sources, reading, many) else listing_of(sources, each=many.each)
    work = _work(options, camera, reading)
    if listing is not None:
        return _lift_many(listing, outputs, work, many)
    _check_one(sources[0], many)
    if not many.resume:
        lift_to_files(sources[0], outputs, options, camera, reading, pictures)
        return 0
    check_outputs(outputs, body=bool(options.body_model), source=sources[0])
    key = made_of(sources[0], outputs, work, repr(pictures))
    if is_made(outputs, key):
        console.print(
            "written already, of the same input and with the same options", highlight=False
        )
        return 0
    lift_to_files(sources[0], outputs, options, camera, reading, pictures)
    remember(outputs, key)
    return 0


def _pictures(sources: Sequence[Path], reading: ReadOptions, many: ManyOptions) -> bool:
    """Whether the source is one clip of pictures, a pattern of pictures' names among them."""
    alone = len(sources) == 1 and not many.each and reading.format is None
    return alone and holds_pictures(sources[0])


def _work(options: LiftOptions, camera: CameraOptions, reading: ReadOptions) -> Work:
    told = Reading(
        reading.skeleton,
        reading.format,
        reading.fps,
        camera.image_size,
        reading.tracker,
        reading.repair_swaps,
    )
    return Work(options, told, camera)


def _check_one(source: Path, many: ManyOptions) -> None:
    """Options for many clips, and one clip."""
    asked = many.engine != "local" or many.workers or many.batch or many.gpus
    if not asked:
        return
    if source.is_dir():
        raise InputError(
            "expected many clips with --engine, --workers, --gpus or --batch, got the folder "
            f"'{source}', which is one clip with a file per frame: add --each if every entry "
            "is a clip of its own"
        )
    raise InputError(
        f"expected many clips with --engine, --workers, --gpus or --batch, got one, '{source}': give a "
        "pattern in quotes, a list (.txt), a table (.parquet), or a folder with --each"
    )


def _lift_many(listing: Listing, outputs: Sequence[Path], work: Work, many: ManyOptions) -> int:
    if len(outputs) != 1:
        raise InputError(
            f"expected one output for many clips ({listing.understood}), got {len(outputs)}: give a "
            "folder, or a name ending in .parquet"
        )
    if many.gpus and many.engine != "ray":
        raise InputError(
            f"expected --gpus with --engine ray, got it with {many.engine}: leave it out"
        )
    engine = (
        RayEngine(many.workers, many.gpus) if many.engine == "ray" else LocalEngine(many.workers)
    )
    console.print(f"{len(listing)} clips: {listing.understood}", highlight=False)
    try:
        with Stages() as stages:
            report = lift_files(
                listing,
                outputs[0],
                work,
                engine=engine,
                ending=many.to,
                batch=many.batch,
                resume=many.resume,
                progress=stages,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped by hand; what is in '{outputs[0]}' is whole, go on with --resume"
        ) from None
    _show(report, outputs[0])
    return min(FAILED_FROM + len(report.failures), 99) if report.failures else 0


def _show(report: Report, out: Path) -> None:
    speed = report.lifted / report.seconds if report.seconds > 0 else 0.0
    rows = [
        ("lifted now", str(report.lifted)),
        ("finished before", str(report.kept)),
        ("not lifted", str(len(report.failures))),
        ("seconds", f"{report.seconds:.1f}"),
        ("files per second", f"{speed:.1f}"),
    ]
    if report.lost_chunks:
        rows.append(("times that work was lost with a worker", str(report.lost_chunks)))
    show_table(f"many clips, in {out}", ("what", "number"), rows)
    for failure in report.failures[:_SHOWN]:
        console.print(f"{failure.name}: {failure.sentence}", highlight=False)
    if report.errors is not None:
        console.print(f"all {len(report.failures)} errors: {report.errors}", highlight=False)
