"""Folders of Acclaim motion capture: `.asf` skeletons with `.amc` motions, as CMU gives them.

Joints are those of `LIFT_23`, by the same rules as for CMU's skeletons in `mocap_h5`: where the solver
put them, with the pelvis in the middle of the hips and synthesised points of face and feet.
"""

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Final

from lift3d.capture import Capture, Finding
from lift3d.errors import FileFormatError
from lift3d.io.motion.asf_amc import AsfSkeleton, read_amc, read_asf
from lift3d_datasets.folders import checked_split, existing_folder, files_below, read_each
from lift3d_datasets.rigs import rig_of
from lift3d_datasets.solved_clip import capture_of

__all__ = ["CMU_SPLITS", "AsfAmc"]

SPLITS: Final = ("train", "val", "test")

CMU_SPLITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("07", "17", "85", "139"), "val"),
    **dict.fromkeys(("05", "09", "11", "49", "90", "93"), "test"),
}
"""Subjects of CMU's database that are not for training; the same as in `mocap_h5`."""


class AsfAmc:
    """All motions in a folder and below it, each with its subject's skeleton beside it.

    `<subject>_<take>.amc` belongs to `<subject>.asf` of the same folder; another name to the only
    `.asf` there. The files do not say their frame rate: `fps` holds for all of them (CMU recorded at
    120, a few takes at 60), `rates` for single clips by name. `splits_by_subject` says who is "val" or
    "test", everybody else is "train". A broken file raises `FileFormatError` naming it; with
    `skip_broken` it is left out, and `skipped` says why.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        *,
        fps: float = 120.0,
        rates: Mapping[str, float] | None = None,
        splits_by_subject: Mapping[str, str] = CMU_SPLITS,
        skip_broken: bool = False,
    ) -> None:
        self.root = existing_folder(root, ".asf and .amc files")
        self.files = files_below(self.root, ".amc")
        if not self.files:
            raise FileFormatError(
                f"expected .amc files in '{self.root}' or below it, got none: give the folder that "
                "holds them"
            )
        self.fps = fps
        self.rates = dict(rates or {})
        self.splits_by_subject = splits_by_subject
        self.skipped: dict[str, str] | None = {} if skip_broken else None

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS

    def clips(self, split: str) -> Iterator[Capture]:
        """The clips of a split, in the order of their paths."""
        checked_split(split, SPLITS)
        chosen = (
            path
            for path in self.files
            if self.splits_by_subject.get(_subject(path), "train") == split
        )
        yield from read_each(chosen, self._read, self.skipped)

    def _read(self, path: Path) -> Capture:
        clip = read_amc(path, _skeleton(path), self.rates.get(path.stem, self.fps))
        rig = rig_of(clip.names)
        if rig is None:
            raise FileFormatError(
                f"expected CMU's bones (lfemur, ltibia, ..., rhand) in the skeleton of '{path}', got "
                f"{', '.join(clip.names[:6])}, ...: add its family to lift3d_datasets.rigs"
            )
        take = path.stem.removeprefix(_subject(path)).lstrip("_-")
        about = {"name": path.stem, "subject": _subject(path), "action": take or path.stem}
        return capture_of(clip, rig, measured=True, **about)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Whether skeletons and motions are there, and every motion has its skeleton."""
        folder = Path(root)
        skeletons, motions = files_below(folder, ".asf"), files_below(folder, ".amc")
        yield Finding("skeletons (.asf)", bool(skeletons), f"{len(skeletons)} files")
        yield Finding("motions (.amc)", bool(motions), f"{len(motions)} files")
        alone = [path.name for path in motions if _skeleton_file(path) is None]
        detail = f"none for {', '.join(alone[:3])}" if alone else "each motion has one"
        yield Finding("skeleton of each motion", not alone and bool(motions), detail)


def _subject(path: Path) -> str:
    return path.stem.rsplit("_", 1)[0]


def _skeleton_file(path: Path) -> Path | None:
    beside = sorted(p for p in path.parent.iterdir() if p.suffix.lower() == ".asf")
    own = [p for p in beside if p.stem == _subject(path)]
    return own[0] if own else beside[0] if len(beside) == 1 else None


def _skeleton(path: Path) -> AsfSkeleton:
    file = _skeleton_file(path)
    if file is None:
        raise FileFormatError(
            f"expected the skeleton '{_subject(path)}.asf' beside '{path}', got none of that name: "
            "download it too"
        )
    return read_asf(file)
