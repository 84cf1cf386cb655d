"""Viewers of lift3d: `lift3d.viewers["pyrender"]()` draws meshes off-screen, on any machine."""
