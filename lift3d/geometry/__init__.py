"""Pure functions over tensors with any leading batch axes: rotations, cameras, trees, alignment.

Every function works in the dtype and on the device of its input and is differentiable unless its
docstring says otherwise. The conventions are written down, and tested, in `lift3d.conventions`.
"""
