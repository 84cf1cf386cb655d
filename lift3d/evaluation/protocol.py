"""The protocol of an evaluation in words: figures mean nothing without it."""

from dataclasses import dataclass, fields
from typing import Final

from lift3d.evaluation.config import EvaluationConfig

__all__ = ["PROTOCOL", "ProtocolCard", "protocol_of"]


@dataclass(frozen=True, slots=True)
class ProtocolCard:
    """What was shown, what was asked, and how it was averaged."""

    clips: str
    cameras: str
    keypoints: str
    joints: str
    alignment: str
    averaging: str
    hypotheses: str
    units: str

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """(word, sentence) pairs for a table."""
        return tuple((field.name, str(getattr(self, field.name))) for field in fields(self))

    def __str__(self) -> str:
        return " ".join(f"{name.capitalize()}: {words}." for name, words in self.rows)


_RANDOM_CAMERAS: Final = (
    "from the seed: yaw 360 degrees, from 26 degrees up to 11 degrees down, roll 3 degrees "
    "(standard deviation), 3 to 7 m away, up to 18 degrees off-centre, following the person, focal "
    "length 1145 pixels on 1000 x 1000, known to the lifter"
)
_RANDOM_KEYPOINTS: Final = (
    "limbs, nose, ears, big toes and heels, projected without error (plain names), with the limbs "
    "only ('limbs_'), or detector-like ('noisy_': jitter of 12 mm at the person's distance, 2 % of "
    "keypoints six times as far off, 5 % missing)"
)


def protocol_of(config: EvaluationConfig, sources: tuple[str, ...] = ()) -> ProtocolCard:
    """The card of a configuration; `sources` are the makers of captured keypoints that were used."""
    return ProtocolCard(
        clips=_clips(config),
        cameras=_cameras(config),
        keypoints=_RANDOM_KEYPOINTS if config.cameras == "random" else _keypoints(config, sources),
        joints=f"{config.joint_set.name}: {config.joint_set.words}",
        alignment="both poses root-relative in the camera frame, root = middle of the hips or the "
        "source's pelvis; pa_: after Procrustes with rotation, translation and scale, without "
        "mirroring; n_: after the best scale",
        averaging="mean over frames of the mean over joints, and beside it the mean over actions of "
        "that; frames that were not lifted count in lifted_share only",
        hypotheses=_hypotheses(config.hypotheses),
        units="mm; mpjve in mm per frame, acceleration in mm per frame^2, foot speed in mm per "
        "second; pck and auc in percent (150 mm; 0 to 150 mm in steps of 5)",
    )


def _clips(config: EvaluationConfig) -> str:
    some = [
        f"only {what} {', '.join(names)}"
        for what, names in (("subjects", config.subjects), ("actions", config.actions))
        if names
    ]
    if config.every > 1:
        some.append(f"one of every {config.every} windows or views")
    chosen = f" ({'; '.join(some)})" if some else ""
    if config.unmeasured:
        return (
            f"split '{config.split}'{chosen}, also those whose joints were not solved from markers on "
            "the person's own skeleton"
        )
    return (
        f"split '{config.split}'{chosen}, those whose joints were solved from markers on the "
        "person's own skeleton"
    )


def _cameras(config: EvaluationConfig) -> str:
    if config.cameras == "captured":
        return "the dataset's own; intrinsics and lens known to the lifter, the tilt is not"
    span = f"a new one every {config.window} frames" if config.window else "one for each clip"
    return f"{span} (seed {config.seed}), {_RANDOM_CAMERAS}"


def _keypoints(config: EvaluationConfig, sources: tuple[str, ...]) -> str:
    if config.keypoints == "projected":
        return "the true joints, projected through the dataset's cameras without error"
    return f"the dataset's own, made by: {', '.join(sources) or config.source or 'not told'}"


def _hypotheses(count: int) -> str:
    if count == 1:
        return "one answer, without sight of the truth"
    return (
        f"{count}; plain names judge their mean ('aggregated'); 'best_of_{count}_' takes the best "
        "of them for each frame, 'best_joints_of_' for each joint, both by sight of the truth"
    )


PROTOCOL: Final = protocol_of(EvaluationConfig())
"""The protocol of the figures that lift3d tells about its own weights."""
