"""Which clips judge accuracy, and how they are cut into windows."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.errors import InputError
from lift3d.evaluation.config import EvaluationConfig
from lift3d.protocols import Dataset, MotionClip
from lift3d.skeletons import LIFT_23

__all__ = ["Window", "clips_of", "random_windows"]


@dataclass(frozen=True, slots=True)
class Window:
    """Frames of a clip in the world: `joints` of `LIFT_23` to look at, `judged` of the joint set.

    `frames` are their numbers in the clip.
    """

    clip: MotionClip
    frames: Int[Tensor, " frames"]
    joints: Float[Tensor, "frames 23 3"]
    judged: Float[Tensor, "frames judged 3"]


def clips_of(dataset: Dataset, config: EvaluationConfig) -> Iterator[MotionClip]:
    """The clips that judge accuracy, of the people and actions that were asked for."""
    if config.split not in dataset.splits:
        raise InputError(
            f"expected a split of {', '.join(dataset.splits) or 'this dataset'}, got "
            f"'{config.split}': choose one of those"
        )
    seen: dict[str, set[str]] = {"subject": set(), "action": set()}
    chosen = False
    for clip in dataset.clips(config.split):
        if not (config.unmeasured or getattr(clip, "measured", True)):
            continue
        seen["subject"].add(clip.subject)
        seen["action"].add(clip.action)
        if _wanted(clip, config):
            chosen = True
            yield clip
    if not chosen:
        raise _nothing(config, seen)


def _wanted(clip: MotionClip, config: EvaluationConfig) -> bool:
    person = not config.subjects or clip.subject in config.subjects
    return person and (not config.actions or clip.action in config.actions)


def _nothing(config: EvaluationConfig, seen: dict[str, set[str]]) -> InputError:
    if not seen["subject"]:
        return InputError(
            f"expected clips with measured joints in split '{config.split}', got none: "
            "choose another split or dataset, or judge by others with unmeasured"
        )
    known = "; ".join(f"{what}s {_some(sorted(names))}" for what, names in seen.items())
    return InputError(
        f"expected clips of {', '.join((*config.subjects, *config.actions))} in split "
        f"'{config.split}', got none: it has {known}"
    )


def _some(names: list[str], most: int = 12) -> str:
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join(names[:most] + more)


def random_windows(dataset: Dataset, config: EvaluationConfig) -> Iterator[Window]:
    """Windows of at most `config.window` observed frames, or whole clips with their gaps."""
    count = 0
    for clip in clips_of(dataset, config):
        for window in _windows(clip, config):
            if count % config.every == 0:
                yield window
            count += 1


def _windows(clip: MotionClip, config: EvaluationConfig) -> Iterator[Window]:
    pose = clip.motion.pose.require_frame("world")
    joints, judged = (pose.to(s).joints for s in (LIFT_23, config.joint_set.skeleton))
    shown = clip.motion.observed & joints[:, 0].isfinite().all(-1)
    frames = torch.nonzero(shown)[:, 0]
    if config.window == 0 and len(frames):
        whole = torch.arange(int(frames[0]), int(frames[-1]) + 1)
        gaps = ~shown[whole][:, None, None]
        yield Window(
            clip,
            whole,
            joints[whole].float().masked_fill(gaps, torch.nan),
            judged[whole].float().masked_fill(gaps, torch.nan),
        )
        return
    for some in torch.split(frames, max(1, config.window)) if len(frames) else ():
        yield Window(clip, some, joints[some].float(), judged[some].float())
