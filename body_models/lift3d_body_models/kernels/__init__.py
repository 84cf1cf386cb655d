"""Compiled kernels of bodies in SMPL's format: float32, CPU, one thread.

`many` poses sixteen bodies side by side, `one` a single body. Only `lift3d_body_models.compiled`
imports them, and only when a body is first posed, since numba is slow to import.
"""
