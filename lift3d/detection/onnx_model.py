"""A network in an ONNX file that takes pictures: what its input is, and its outputs as tensors."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray
from torch import Tensor

from lift3d.errors import FileFormatError, InputError, MissingDependencyError

__all__ = ["Device", "OnnxModel"]

Device = Literal["auto", "cpu", "cuda"]

_TYPES: Final[Mapping[str, type[np.generic]]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}
_PROVIDERS: Final[Mapping[Device, tuple[str, ...]]] = {
    "auto": ("CUDAExecutionProvider", "CPUExecutionProvider"),
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider",),
}
_AT_ONCE: Final = 16
"""Crops in one batch."""


class OnnxModel:
    """A network whose one input is a batch of pictures, channels first or last.

    `size` is (height, width) of its input, as the file says or else as given. `threads` is how many
    work on one picture, 0 for as many as there are cores. Raises `MissingDependencyError` without
    ONNX Runtime, `FileFormatError` for files that it does not run, and `InputError` where the input's
    size is not told, or told otherwise than the file does.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        size: Sequence[int] | None = None,
        *,
        threads: int = 0,
        device: Device = "auto",
    ) -> None:
        self.path = Path(path)
        self._session = _session(self.path, threads, device)
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or inputs[0].type not in _TYPES:
            told = ", ".join(f"{each.name} {each.shape} {each.type}" for each in inputs)
            raise FileFormatError(
                f"expected a network with a batch of pictures as its one input in '{self.path}', got "
                f"{told}: give another"
            )
        self._name, self._type = inputs[0].name, _TYPES[inputs[0].type]
        self.channels_last = shape[3] == 3 and shape[1] != 3
        self.size = self._told_size(shape[1:3] if self.channels_last else shape[2:], size)
        self._batch = shape[0] if isinstance(shape[0], int) and shape[0] > 0 else 0

    def _told_size(self, told: Sequence[object], given: Sequence[int] | None) -> tuple[int, int]:
        fixed = [side if isinstance(side, int) and side > 0 else 0 for side in told]
        sides = list(given) if given is not None else fixed
        if len(sides) != 2 or min(sides) < 1:
            raise InputError(
                f"expected the size of the input of '{self.path}', which takes any, got none: give "
                "input_size as height,width"
            )
        if any(one and one != other for one, other in zip(fixed, sides, strict=True)):
            raise InputError(
                f"expected an input of {fixed[0]} x {fixed[1]} (height x width) for '{self.path}', as "
                f"the file says, got {sides[0]} x {sides[1]}: leave input_size out"
            )
        return sides[0], sides[1]

    @property
    def takes_whole_numbers(self) -> bool:
        """Whether pictures go in as they are, since the network normalises them itself."""
        return self._type is np.uint8

    @property
    def output_shapes(self) -> list[list[object]]:
        """What the file says of its outputs: numbers, or names where any number may stand."""
        return [list(each.shape) for each in self._session.get_outputs()]

    @property
    def output_names(self) -> list[str]:
        """The outputs in their order."""
        return [str(each.name) for each in self._session.get_outputs()]

    def __call__(self, pictures: Float32[ndarray, "batch height width 3"]) -> list[Tensor]:
        """All outputs for a batch of the right size, in float32; a fixed batch size is obeyed."""
        some = self._batch or _AT_ONCE
        parts = [self._run(pictures[at : at + some]) for at in range(0, len(pictures), some)]
        return [torch.cat(each) for each in zip(*parts, strict=True)]

    def _run(self, pictures: ndarray) -> list[Tensor]:
        count = len(pictures)
        if self._batch > count:
            rest = np.zeros((self._batch - count, *pictures.shape[1:]), dtype=pictures.dtype)
            pictures = np.concatenate([pictures, rest])
        given = pictures if self.channels_last else pictures.transpose(0, 3, 1, 2)
        given = np.ascontiguousarray(given, dtype=self._type)
        try:
            outputs = self._session.run(None, {self._name: given})
        except Exception as error:  # ONNX Runtime has its own exceptions, of no common class
            raise FileFormatError(
                f"expected '{self.path}' to run on pictures of {self.size[0]} x {self.size[1]}, got "
                f"{' '.join(str(error).split())[:200]}: give another size, or export it again"
            ) from error
        return [_tensor(each)[:count] for each in outputs]


def _tensor(output: object) -> Tensor:
    array = np.asarray(output)
    if array.ndim == 0 or array.dtype.kind not in "fiub":
        return torch.zeros(1)
    return torch.from_numpy(np.array(array, dtype=np.float32))


def _session(path: Path, threads: int, device: Device) -> Any:
    try:
        runtime: Any = import_module("onnxruntime")
    except ImportError as error:
        raise MissingDependencyError(
            f"expected ONNX Runtime to run '{path}', got {error}: pip install onnxruntime"
        ) from error
    if not path.is_file():
        raise FileFormatError(
            f"expected a network (.onnx) at '{path}', got nothing there: check the path"
        )
    if device not in _PROVIDERS:
        raise InputError(f"expected a device of {', '.join(_PROVIDERS)}, got '{device}': name one")
    there = runtime.get_available_providers()
    wanted = [each for each in _PROVIDERS[device] if each in there]
    if not wanted:
        raise MissingDependencyError(
            f"expected ONNX Runtime with CUDA, got one with {', '.join(there)}: "
            "pip install onnxruntime-gpu, or use the CPU"
        )
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    try:
        return runtime.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:  # as above
        raise FileFormatError(
            f"expected a network (.onnx) in '{path}', got {' '.join(str(error).split())[:200]}: "
            "export it again"
        ) from error
