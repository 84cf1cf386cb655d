"""What was found so far, picture by picture, and its way to disk and back.

It is written as a safetensors file under a temporary name and renamed, so that a killed process leaves
the last whole state. Numbers stay in the type that the detector gave, so that a run that goes on from
there ends in the same bytes as one that was never broken off.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.errors import FileFormatError, InputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.tensor_file import tensor_bytes
from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton

__all__ = ["Found", "Keeper"]

_SHARE: Final = 0.05
"""Most of the time that may go into saving."""
_PAUSE: Final = 2.0
"""Seconds between two states on disk, at least."""
_NAMES: Final = ("numbers", "counts", "sizes", "keypoints", "confidence", "boxes", "scores")


@dataclass(slots=True)
class Found:
    """The people of each picture in turn, with the pictures' numbers; None for broken pictures."""

    numbers: list[int] = field(default_factory=list[int])
    people: list[DetectedPeople | None] = field(default_factory=list["DetectedPeople | None"])

    def add(self, number: int, people: DetectedPeople | None) -> None:
        """The next picture."""
        self.numbers.append(number)
        self.people.append(people)

    @property
    def last(self) -> DetectedPeople | None:
        """What was found in the last picture that could be looked at."""
        return next((each for each in reversed(self.people) if each is not None), None)

    def tensors(self, joints: int) -> dict[str, Tensor]:
        """Everything as arrays; -1 people stands for a broken picture."""
        counts = [-1 if each is None else len(each) for each in self.people]
        sizes = [(0, 0) if each is None else each.pose.image_size or (0, 0) for each in self.people]
        some = [each for each in self.people if each is not None]
        none = torch.zeros(0, joints)
        return {
            "numbers": torch.tensor(self.numbers, dtype=torch.int64),
            "counts": torch.tensor(counts, dtype=torch.int64),
            "sizes": torch.tensor(sizes, dtype=torch.int64).reshape(-1, 2),
            "keypoints": torch.cat([p.pose.keypoints for p in some] or [torch.zeros(0, joints, 2)]),
            "confidence": torch.cat([p.pose.confidence for p in some] or [none]),
            "boxes": torch.cat([p.boxes for p in some] or [torch.zeros(0, 4)]),
            "scores": torch.cat([p.scores for p in some] or [torch.zeros(0)]),
        }

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor], skeleton: Skeleton) -> "Found":
        """The way back."""
        found, at = cls(), 0
        counts = tensors["counts"].tolist()
        for number, count, size in zip(
            tensors["numbers"].tolist(), counts, tensors["sizes"].tolist(), strict=True
        ):
            if count < 0:
                found.add(number, None)
                continue
            rows = slice(at, at + count)
            pose = Pose2D(
                tensors["keypoints"][rows],
                tensors["confidence"][rows],
                skeleton,
                (size[0], size[1]),
            )
            found.add(number, DetectedPeople(pose, tensors["boxes"][rows], tensors["scores"][rows]))
            at += count
        return found


class Keeper:
    """Keeps what was found in a file beside the output, and finds it again.

    `told` says in words what the run is: source, detector, options. A file of another run is refused.
    """

    def __init__(self, path: Path, told: Mapping[str, str]) -> None:
        self.path, self._told = path, dict(told)
        self._next = time.monotonic() + _PAUSE

    def kept(self, skeleton: Skeleton) -> Found:
        """What the file holds, nothing where there is none.

        Raises `InputError` for a file of another run, and `FileFormatError` for a broken one.
        """
        if not self.path.exists():
            return Found()
        try:
            with safe_open(self.path, "pt") as file:
                told = json.loads((file.metadata() or {}).get("run", "{}"))
                tensors = {name: file.get_tensor(name) for name in _NAMES}
        except (SafetensorError, OSError, ValueError) as error:
            raise FileFormatError(
                f"expected the progress of a run in '{self.path}', got {error}: remove it, or leave "
                "--resume out"
            ) from error
        for key, value in self._told.items():
            if told.get(key) != value:
                raise InputError(
                    f"expected the progress of this run in '{self.path}', got one whose {key} was "
                    f"{told.get(key)} and is {value}: leave --resume out to begin anew"
                )
        try:
            return Found.of_tensors(tensors, skeleton)
        except (InputError, ValueError, IndexError, RuntimeError) as error:
            raise FileFormatError(
                f"expected the progress of a run in '{self.path}', got arrays that do not fit "
                f"({error}): remove it, or leave --resume out"
            ) from error

    def tell(self, found: Found, joints: int) -> None:
        """Save now and then: at most every other second, and with little of the time."""
        if time.monotonic() >= self._next:
            self.save(found, joints)

    def save(self, found: Found, joints: int) -> None:
        """Save now. Raises `OutputError`."""
        started = time.monotonic()
        data = tensor_bytes(found.tensors(joints), {"run": json.dumps(self._told, sort_keys=True)})
        with atomic_path(self.path) as partial:
            partial.write_bytes(data)
        now = time.monotonic()
        self._next = now + max(_PAUSE, (now - started) / _SHARE)

    def forget(self) -> None:
        """The output is written: nothing is to be kept."""
        self.path.unlink(missing_ok=True)
