"""From datasets on disk to what a run trains on and what it is judged by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch

from lift3d.errors import InputError
from lift3d.plugins import open_dataset
from lift3d.protocols import Dataset, MotionClip
from lift3d.skeleton import Skeleton
from lift3d.training.bank import ClipRows, Corpus, PoseBank, clip_poses, poses_from
from lift3d.training.body import Poses

__all__ = ["Source", "held_out", "measured", "open_sources", "read_corpus", "split_corpus"]

DEFAULT_HELD: Final = ("127", "16")
"""Subjects of CMU's training split that are kept for validation where nobody says which."""
NOTHING_TO_VALIDATE_ON: Final = (
    "expected measured clips to validate on, got none: name subjects in hold_out, a validation_split, "
    "or take unmeasured ones too"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset with the name and options of its reader, and where it lies, if it has files."""

    name: str
    root: Path | None
    dataset: Dataset
    options: tuple[str, ...] = ()

    def clips(self, split: str) -> Iterator[MotionClip]:
        """The clips of a split; none where the dataset has no such split."""
        if split in self.dataset.splits:
            yield from self.dataset.clips(split)


def open_sources(
    names: Sequence[str], roots: Sequence[Path], options: Sequence[str] = ()
) -> tuple[Source, ...]:
    """Readers by name, one for each root; a single name, and the options, serve all roots.

    Without roots they are readers that need no files.
    """
    places: Sequence[Path | None] = roots or [None] * len(names)
    if len(names) == 1:
        names = tuple(names) * len(places)
    if not names or len(names) != len(places):
        raise InputError(
            "expected one dataset name for each root, or one for all, got "
            f"{len(names)} names and {len(roots)} roots: correct them"
        )
    pairs = zip(names, places, strict=True)
    return tuple(
        Source(name, root, open_dataset(name, root, options), tuple(options))
        for name, root in pairs
    )


def measured(clip: MotionClip) -> bool:
    """Whether a clip judges accuracy; datasets without such a distinction say nothing."""
    return bool(getattr(clip, "measured", True))


def described(clip: MotionClip, source: Source, split: str) -> ClipRows:
    """What a clip says about itself, with no rows yet."""
    weight = float(getattr(clip, "weight", 1.0))
    return ClipRows(
        clip.name, clip.subject, source.name, split, measured(clip), weight, start=0, count=0
    )


def clips_with_poses(
    sources: Sequence[Source], splits: Sequence[str], skeleton: Skeleton
) -> Iterator[tuple[ClipRows, torch.Tensor]]:
    """Each clip's usable root-relative joints, and its rows among all of them; one clip at a time."""
    start = 0
    for source in sources:
        for split in dict.fromkeys(splits):
            for clip in source.clips(split):
                kept, usable = clip_poses(clip, skeleton)
                about = replace(
                    described(clip, source, split),
                    start=start,
                    count=len(kept),
                    skipped=len(usable) - len(kept),
                    unknown=int((~kept.isfinite().all(-1)).sum()),
                )
                yield about, kept
                start += len(kept)


def read_corpus(sources: Sequence[Source], splits: Sequence[str], skeleton: Skeleton) -> Corpus:
    """All usable frames of some splits, in memory."""
    found = list(clips_with_poses(sources, splits, skeleton))
    return Corpus(poses_from([kept for _, kept in found]), tuple(rows for rows, _ in found))


def held_out(asked: Sequence[str] | None, subjects: Sequence[str]) -> tuple[str, ...]:
    """Subjects of the training split to keep for validation; by default CMU's, where they are.

    Raises `InputError` with the known ones where one is asked for that does not exist.
    """
    if asked is None:
        return tuple(name for name in DEFAULT_HELD if name in subjects)
    unknown = [name for name in asked if name not in subjects]
    if unknown:
        known = ", ".join(sorted(set(subjects)))
        raise InputError(
            f"expected subjects of the training split in hold_out ({known}), got "
            f"{', '.join(unknown)}: choose among the known ones"
        )
    return tuple(asked)


def split_corpus(
    corpus: Corpus,
    splits: tuple[str, str],
    hold_out: Sequence[str] | None,
    at_most: int,
    *,
    unmeasured: bool = False,
) -> tuple[PoseBank, dict[str, Poses]]:
    """The bank to train on, and validation poses per subject; `splits` name those to do so with.

    Judged are measured clips (or with `unmeasured` all) of the validation split and of the held-out
    subjects, `at_most` poses of each subject, evenly over their clips.
    """
    training_split, validation_split = splits
    training = [clip for clip in corpus.clips if clip.split == training_split]
    held = held_out(hold_out, [clip.subject for clip in training])
    judged = [
        clip
        for clip in corpus.clips
        if (clip.measured or unmeasured)
        and clip.count
        and (clip.split == validation_split or clip.subject in held)
    ]
    if not judged:
        raise InputError(NOTHING_TO_VALIDATE_ON)
    subjects = sorted({clip.subject for clip in judged})
    bank = PoseBank.of(corpus.poses, [clip for clip in training if clip.subject not in held])
    return bank, {
        subject: _spread(corpus, [clip for clip in judged if clip.subject == subject], at_most)
        for subject in subjects
    }


def _spread(corpus: Corpus, clips: Sequence[ClipRows], at_most: int) -> Poses:
    rows = corpus.rows(clips)
    return corpus.poses[rows[torch.linspace(0, len(rows) - 1, min(len(rows), at_most)).long()]]
