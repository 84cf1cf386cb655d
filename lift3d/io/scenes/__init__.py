"""Surfaces that move: glTF, Universal Scene Description, and one mesh per frame."""
