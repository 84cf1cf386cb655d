"""Weights of a lifter's network: `lift3d.io.files.weights_file`, under the name that lifters know."""

from lift3d.io.files.weights_file import load_network, save_network

__all__ = ["load_network", "save_network"]
