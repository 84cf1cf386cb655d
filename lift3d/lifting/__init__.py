"""Lifters, `universal`, `martinez` and `matching`: keypoints of one person to joints in space.

Beside them: what makes a lifted clip steady (`steady`), upright (`upright`) and grounded (`grounded`),
and networks as ONNX (`onnx_export`).
"""
