"""Tensors as the bytes of a safetensors file, the same ones for the same tensors and words."""

import json
from collections.abc import Mapping

from safetensors.torch import save
from torch import Tensor

__all__ = ["tensor_bytes"]


def tensor_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """What `safetensors.torch.save` gives, with the metadata in the order of their names.

    The library keeps them in a table whose order is another one in each run. The file is a length (8
    bytes, little-endian), so many bytes of JSON, which spaces fill up to a multiple of 8, and the data.
    """
    whole = memoryview(save(dict(tensors), dict(metadata)))
    start = 8 + int.from_bytes(whole[:8], "little")
    header = json.loads(bytes(whole[8:start]))
    ordered = {"__metadata__": dict(sorted(header.pop("__metadata__", {}).items()))} | header
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, whole[start:]])
