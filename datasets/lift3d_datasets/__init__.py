"""Readers for motion-capture datasets: a plug-in pack, found through `lift3d.datasets`."""
