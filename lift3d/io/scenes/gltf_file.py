"""A glTF 2.0 file that is put together piece by piece and comes out as one GLB."""

from importlib.metadata import version
from typing import Any, Final

import numpy as np
import pygltflib as gltf
from numpy import ndarray

__all__ = ["GltfFile"]

_COMPONENTS: Final = {
    "u1": gltf.UNSIGNED_BYTE,
    "u2": gltf.UNSIGNED_SHORT,
    "u4": gltf.UNSIGNED_INT,
    "f4": gltf.FLOAT,
}


class GltfFile:
    """A glTF file that grows: arrays become accessors, nodes get their numbers."""

    def __init__(self) -> None:
        self.gltf = gltf.GLTF2(scene=0)
        self.gltf.materials = [
            gltf.Material(
                name="body",
                pbrMetallicRoughness=gltf.PbrMetallicRoughness(
                    baseColorFactor=[1.0, 1.0, 1.0, 1.0], metallicFactor=0.0, roughnessFactor=0.8
                ),
            )
        ]
        self.gltf.animations = [gltf.Animation(name="motion", samplers=[], channels=[])]
        self._top: list[int] = []
        self._blob = bytearray()

    def add(
        self,
        array: ndarray,
        kind: str,
        target: int | None = None,
        *,
        bounds: bool = False,
        normalized: bool = False,
    ) -> int:
        """Store an array and return its accessor. `bounds` writes its least and largest values."""
        data = np.ascontiguousarray(array)
        view = gltf.BufferView(
            buffer=0, byteOffset=len(self._blob), byteLength=data.nbytes, target=target
        )
        self._blob += data.tobytes() + b"\0" * (-data.nbytes % 4)
        self.gltf.bufferViews.append(view)
        rows = data.reshape(len(data), -1)
        accessor = gltf.Accessor(
            bufferView=len(self.gltf.bufferViews) - 1,
            componentType=_COMPONENTS[data.dtype.str[1:]],
            count=len(data),
            type=kind,
            normalized=normalized,
            min=rows.min(0).tolist() if bounds else None,
            max=rows.max(0).tolist() if bounds else None,
        )
        self.gltf.accessors.append(accessor)
        return len(self.gltf.accessors) - 1

    def node(self, node: Any, *, top: bool = True) -> int:
        """Add a node, at the top of the scene or for a parent to take; returns its number."""
        self.gltf.nodes.append(node)
        number = len(self.gltf.nodes) - 1
        if top:
            self._top.append(number)
        return number

    def animate(self, node: int, what: str, times: int, values: int) -> None:
        """Move a node's `rotation`, `translation` or `weights`, linearly between frames."""
        animation = self.gltf.animations[0]
        animation.samplers.append(
            gltf.AnimationSampler(input=times, output=values, interpolation=gltf.ANIM_LINEAR)
        )
        target = gltf.AnimationChannelTarget(node=node, path=what)
        number = len(animation.samplers) - 1
        animation.channels.append(gltf.AnimationChannel(sampler=number, target=target))

    def to_bytes(self, copyright_: str) -> bytes:
        """The whole file."""
        self.gltf.asset = gltf.Asset(
            version="2.0", generator=f"lift3d {version('lift3d')}", copyright=copyright_ or None
        )
        self.gltf.scenes = [gltf.Scene(name="lift3d", nodes=self._top)]
        self.gltf.buffers = [gltf.Buffer(byteLength=len(self._blob))]
        self.gltf.set_binary_blob(bytes(self._blob))
        return b"".join(self.gltf.save_to_bytes())
