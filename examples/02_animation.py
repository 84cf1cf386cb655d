"""Animation files

One lift, written for Blender, Unity and Unreal (`.glb`, `.bvh`), for tables (`.csv`) and for
biomechanics (`.trc`). The ending chooses the format, as on the command line.
"""

from pathlib import Path

import lift3d
from lift3d.io.output_formats import format_of
from lift3d.io.outputs import OutputJob, write_output
from lift3d.pictures import Look, contact_sheet, open_viewer, write_png
from lift3d.pipeline import make_body
from lift3d.samples import balancing

with balancing() as keypoints:
    clip = lift3d.lift(keypoints)
body = make_body(clip.body_model)
for name in ("walk.glb", "walk.bvh", "walk.csv", "walk.trc"):
    for path in write_output(Path(name), format_of(Path(name)), OutputJob(clip, body)):
        print(path, path.stat().st_size // 1000, "kB")

viewer, _ = open_viewer()
look = Look(panels=("turned",), height=260, max_width=780, captions=False)
sheet = contact_sheet(clip, body, viewer, rows=1, columns=5, look=look)
write_png("02_animation.png", sheet)
