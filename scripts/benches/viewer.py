"""Drawing bodies: our two viewers against pyrender as it is commonly used, with what we lose.

One default body (14,473 vertices) that fills most of the picture's height, over a background. Candidates
take turns in one process. Seconds are CPU seconds of all threads of the process, since GL drivers
without a GPU draw on several threads.

`silhouette_iou` compares the software renderer's mask with rays through the pixels' centres, each tried
against every triangle that may be near it (Möller and Trumbore, 1997), in double precision.
`memory_growth_percent` is how much the resident set grows from 1,000 to 10,000 small pictures, in a
process of its own: the larger one of the two viewers. `overlay_1000_frames_s` is wall time: a video of
1,000 frames is read, a body drawn over it and the result encoded, on as many cores as there are.
"""

import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
import torch
from benches._harness import few, measure, report
from benches._plain_pyrender import PerFrame, Persistent

from lift3d.body import BodyMesh, BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.motion import Motion
from lift3d.pictures import Footage, Look, render_clip
from lift3d.plugins import body_models
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import BodyModel, Viewer
from lift3d_viewer.shading import Topology

SIZES: Final = {"512": (512, 512), "720": (720, 1280)}
FRAMES: Final = 8  # poses that a round goes through
VIEWS: Final = 8
OVERLAID: Final = few(1000, 30)
RENDERED: Final = few((1000, 10_000), (20, 200))  # between which memory should not grow


def params(frames: int) -> BodyParams:
    """Somebody about 3 m before the camera who waves the arms and turns."""
    phase = torch.linspace(0, 6 * math.pi, frames)
    pose = torch.zeros(frames, 23, 3)
    pose[:, 15, 2], pose[:, 16, 2] = -0.9 + 0.5 * phase.sin(), 0.9 - 0.5 * phase.cos()
    pose[:, 0, 0], pose[:, 1, 0] = 0.4 * phase.sin(), -0.4 * phase.sin()
    half_turn = torch.tensor([math.pi, 0.0, 0.0]).expand(frames, 3).clone()
    transl = torch.stack(
        [0.3 * (phase / 3).sin(), torch.full_like(phase, 0.9), 2.2 + 0 * phase], -1
    )
    return BodyParams(torch.zeros(10), pose, half_turn, transl)


def centred(body: BodyModel, frames: int) -> list[BodyMesh]:
    with torch.no_grad():
        posed = body(params(frames))
    middle = (posed.vertices.amin(1) + posed.vertices.amax(1)) / 2
    move = torch.tensor([0.0, 0.0, 2.4]) - middle
    return [
        BodyMesh(
            posed.vertices[n] + move[n], posed.joints[n] + move[n], posed.faces, posed.skeleton
        )
        for n in range(frames)
    ]


def opened() -> dict[str, Viewer]:
    """Ours, as far as they work here."""
    from lift3d.errors import MissingDependencyError
    from lift3d_viewer.offscreen import OffscreenViewer
    from lift3d_viewer.software import SoftwareViewer

    found: dict[str, Viewer] = {"software": SoftwareViewer()}
    try:
        found["pyrender"] = OffscreenViewer()
    except MissingDependencyError as error:
        print(f"pyrender is left out: {error}")
    return found


def speed(body: BodyModel) -> dict[str, float]:
    """Frames a second of each candidate, and ratios of medians."""
    figures: dict[str, float] = {}
    meshes, colors, ours = centred(body, FRAMES), body.surface.colors, opened()
    plain: dict[str, Persistent] = {}
    if "pyrender" in ours:
        plain = {"plain_per_frame": PerFrame(), "plain_persistent": Persistent()}
    for label, size in SIZES.items():
        camera = Camera.from_intrinsics(size, 1.15 * size[0])
        behind = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        runs = {
            name: drawing(viewer, meshes, colors, camera, behind) for name, viewer in ours.items()
        }
        flat = colors.numpy()
        for name, loop in plain.items():
            runs[name] = looping(loop, meshes, flat, camera, behind)
        taken = measure(runs)
        for name, (low, middle, high) in taken.items():
            figures[f"{name}_{label}_fps"] = FRAMES / middle
            print(f"{name:18s} {label}: {1000 * middle / FRAMES:7.2f} ms a frame "
                  f"({1000 * low / FRAMES:.2f} to {1000 * high / FRAMES:.2f})")  # fmt: skip
        for name in ours:
            for other in [*plain, *(["pyrender"] if name == "software" and plain else [])]:
                figures[f"{name}_{label}_vs_{other}"] = taken[other][1] / taken[name][1]
    if plain:
        figures["pyrender_vs_per_frame"] = figures["pyrender_512_vs_plain_per_frame"]
    return figures


def drawing(
    viewer: Viewer, meshes: list[BodyMesh], colors: torch.Tensor, camera: Camera, behind: np.ndarray
) -> Callable[[], object]:
    def run() -> None:
        for mesh in meshes:
            viewer.render([mesh], [colors], camera, background=behind)

    return run


def looping(
    loop: Persistent, meshes: list[BodyMesh], colors: np.ndarray, camera: Camera, behind: np.ndarray
) -> Callable[[], object]:
    def run() -> None:
        for mesh in meshes:
            loop.render(mesh, colors, camera, behind)

    return run


def normals(body: BodyModel) -> dict[str, float]:
    mesh = centred(body, 1)[0]
    topology = Topology(mesh.faces.numpy(), len(mesh.vertices))
    places, times = mesh.vertices.numpy(), 50
    run = lambda: [topology.normals(places) for _ in range(times)]  # noqa: E731
    low, middle, high = (1000 * t / times for t in measure({"ours": run})["ours"])
    print(f"normals: {middle:.3f} ms ({low:.3f} to {high:.3f})")
    return {"normals_ms": middle}


@numba.njit(cache=False)
def cast(
    corners: np.ndarray, boxes: np.ndarray, focal: float, cx: float, cy: float, seen: np.ndarray
) -> None:
    """Mark the pixels whose central ray meets a triangle: solve t d = a + u (b - a) + v (c - a)."""
    for face in range(len(corners)):
        a, b, c = corners[face, 0], corners[face, 1], corners[face, 2]
        e, f = b - a, c - a
        for y in range(boxes[face, 1], boxes[face, 3]):
            for x in range(boxes[face, 0], boxes[face, 2]):
                d = np.array([(x - cx) / focal, (y - cy) / focal, 1.0])
                p = np.cross(d, f)
                det = e @ p
                if det == 0.0:
                    continue
                u = -(a @ p) / det
                q = np.cross(-a, e)
                v = (d @ q) / det
                if u >= 0.0 and v >= 0.0 and u + v <= 1.0 and (f @ q) / det > 0.0:
                    seen[y, x] = True


def exact_mask(mesh: BodyMesh, camera: Camera) -> np.ndarray:
    height, width = camera.image_size
    corners = mesh.vertices.double().numpy()[mesh.faces.numpy()]
    matrix = camera.intrinsics.double().numpy()
    flat = corners[..., :2] / corners[..., 2:] * matrix[0, 0] + matrix[:2, 2]
    low = np.clip(np.floor(flat.min(1)) - 1, 0, (width, height))
    high = np.clip(np.ceil(flat.max(1)) + 2, 0, (width, height))
    seen = np.zeros((height, width), dtype=np.bool_)
    boxes = np.concatenate([low, high], 1).astype(np.int64)
    cast(corners, boxes, matrix[0, 0], matrix[0, 2], matrix[1, 2], seen)
    return seen


def silhouettes(body: BodyModel) -> dict[str, float]:
    """The worst of some views, for each viewer."""
    figures: dict[str, float] = {}
    meshes = [turned(mesh, view) for view, mesh in enumerate(centred(body, VIEWS))]
    camera = Camera.from_intrinsics((512, 512), 590.0)
    exact = [exact_mask(mesh, camera) for mesh in meshes]
    for name, viewer in opened().items():
        masks = [viewer.render([mesh], [body.surface.colors], camera)[1] for mesh in meshes]
        shares = [(m & e).sum() / (m | e).sum() for m, e in zip(masks, exact, strict=True)]
        differ = sum(int((m ^ e).sum()) for m, e in zip(masks, exact, strict=True))
        print(
            f"silhouettes by {name}: worst IoU {min(shares):.5f}, {differ} pixels of {VIEWS} views"
        )
        key = "silhouette_iou" if name == "software" else f"silhouette_iou_{name}"
        figures[key] = float(min(shares))
    return figures


def turned(mesh: BodyMesh, view: int) -> BodyMesh:
    """Seen from all around."""
    angle = torch.tensor(2 * math.pi * view / VIEWS)
    c, s = angle.cos(), angle.sin()
    turn = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    middle = torch.tensor([0.0, 0.0, 2.4])
    places = (mesh.vertices - middle) @ turn.T + middle
    return BodyMesh(places, mesh.joints, mesh.faces, mesh.skeleton)


def synthetic_clip(body: BodyModel, frames: int, size: tuple[int, int]) -> Clip:
    camera = Camera.default(size)
    moved = params(frames)
    back = moved.transl + torch.tensor([0.0, 0.0, 1.0])
    moved = BodyParams(moved.betas, moved.body_pose, moved.global_orient, back)
    with torch.no_grad():
        joints = body.joints(moved)
    seen = torch.ones(frames, dtype=torch.bool)
    points = Pose2D(camera.project(joints), torch.ones(joints.shape[:2]), body.skeleton, size)
    pose = Pose3D.certain(joints, body.skeleton, "camera")
    person = Person(Motion(points, 30.0, 0, seen), Motion(pose, 30.0, 0, seen), moved)
    return Clip((person,), camera, 30.0, 0, "default")


def write_footage(path: Path, frames: int, size: tuple[int, int]) -> None:
    """A video of drifting colours with a little noise: neither empty nor incompressible."""
    from lift3d.pictures import write_video

    def pictures() -> Iterator[np.ndarray]:
        draw = np.random.default_rng(0)
        grain = draw.integers(0, 24, (size[0], size[1], 3), dtype=np.uint8)
        rows, columns = np.mgrid[: size[0], : size[1]]
        slope = np.stack([rows // 6, columns // 8, (rows + columns) // 12], -1).astype(np.uint8)
        for frame in range(frames):
            yield np.roll(slope, 3 * frame, 1) + np.roll(grain, frame, 0)

    write_video(path, pictures(), 30.0)


def overlay(body: BodyModel) -> dict[str, float]:
    figures: dict[str, float] = {}
    size, look = (720, 1280), Look(panels=("overlay",), height=720, max_width=1280)
    torch.set_num_threads(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        write_footage(film, OVERLAID, size)
        clip = synthetic_clip(body, OVERLAID, size)
        for name, viewer in opened().items():
            out = Path(folder) / f"{name}.mp4"
            started = time.perf_counter()
            with Footage(film, clip) as footage:
                render_clip(clip, body, viewer, out, look=look, backdrop=footage)
            taken = time.perf_counter() - started
            print(
                f"overlay of {OVERLAID} frames by {name}: {taken:.1f} s, {OVERLAID / taken:.1f} a second"
            )
            key = f"overlay_{OVERLAID}_frames_s"
            figures[key if name == "software" else f"{key}_{name}"] = taken
    torch.set_num_threads(1)
    return figures


def memory_after(name: str) -> None:
    """Print the resident set after some and ten times as many pictures; runs in a process of its own."""
    torch.set_num_threads(1)
    body, viewer = body_models["default"](), opened()[name]
    meshes, colors = centred(body, FRAMES), body.surface.colors
    camera = Camera.from_intrinsics((96, 72), 110.0)
    for picture in range(1, RENDERED[1] + 1):
        viewer.render([meshes[picture % FRAMES]], [colors], camera)
        if picture in RENDERED:
            print(_resident())


def _resident() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def memory() -> dict[str, float]:
    if not Path("/proc/self/status").exists():
        print("memory is not measured: it needs Linux")
        return {}
    growth: dict[str, float] = {}
    for name in opened():
        code = f"from benches.viewer import memory_after; memory_after({name!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        before, after = (int(word) for word in done.stdout.split()[-2:])
        growth[f"memory_growth_percent_{name}"] = 100 * (after / before - 1)
        print(
            f"memory of {name}: {before / 1e6:.1f} MB after {RENDERED[0]:,}, {after / 1e6:.1f} MB after "
            f"{RENDERED[1]:,}"
        )
    return {"memory_growth_percent": max(growth.values()), **growth}


def main() -> None:
    torch.set_num_threads(1)
    body: Any = body_models["default"]()
    figures = speed(body) | normals(body) | silhouettes(body)
    report(figures | overlay(body) | memory())


if __name__ == "__main__":
    main()
