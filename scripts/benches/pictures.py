"""The built-in detector, the painter and the road from video to mesh, as figures.

    scripts/bench pictures [--json FILE] [--bodies FILE] [--count N] [--weights FILE] [--sheet PNG]

Synthetic pictures are painted in the poses of held-out people (test split of the mocap data, put onto
the body by scripts/retarget_mocap.py, whose file may be given). Real pictures are two filmed views of
one person. Skips what needs data that are not there. One thread.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from benches._bodies_seen import OneSplit
from benches._harness import few
from benches._real_pictures import contact_sheet, pck, real_views
from benches._video_to_mesh import video_to_mesh

from lift3d.capture import AnnotatedPerson, SurfacePoints
from lift3d.detection.builtin import RULE, BuiltinDetector
from lift3d.detection.crops import crops_of
from lift3d.fitting.detector_points import with_skin_points
from lift3d.metrics.average_precision import PictureResult, keypoint_ap
from lift3d.painting import PaintConfig, Painter, Painting
from lift3d.painting.values import IGNORED
from lift3d.plugins import body_models
from lift3d.pose import Pose2D
from lift3d.surface.atlas import atlas_of
from lift3d.surface.judging import JudgedPicture, TruePerson, gps_of_map, surface_ap
from lift3d.surface.lookup import lookup_of
from lift3d.surface.rulers import ruler_of
from lift3d.training.album import postures_of
from lift3d.training.pose_bank import read_rotations

POINTS = 100
# COCO's per-keypoint constants, and for the points beyond COCO's 17 those of Halpe's evaluation:
# head top, neck and middle of the hips as hips, toes and heels as ankles.
SIGMAS = (
    0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107,
    0.087, 0.087, 0.089, 0.089, 0.026, 0.107, 0.107, 0.089, 0.089, 0.089, 0.089, 0.089, 0.089,
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--bodies", type=Path)
    parser.add_argument("--count", type=int, default=few(400, 12))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--sheet", type=Path, help="contact sheet of the real pictures")
    told = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    shared = os.environ.get("LIFT3D_TEST_DATA")
    detector = BuiltinDetector(weights=told.weights)
    figures: dict[str, Any] = {}
    bodies = told.bodies or (retargeted(Path(shared)) if shared else None)
    if bodies is None:
        print("LIFT3D_TEST_DATA is not set: no synthetic and no real pictures")
    else:
        figures |= synthetic(detector, bodies, told.count)
    if shared and (Path(shared) / "keypoints").is_dir():
        figures |= real(detector, told.weights, Path(shared), told.sheet)
    figures |= speed(detector)
    figures |= video(shared)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
    machine += f"torch {torch.__version__}, one thread"
    for name, value in figures.items():
        print(f"{name:28s} {value:10.4g}")
    print(machine)
    if told.json:
        told.json.write_text(json.dumps({"machine": machine, "figures": figures}, indent=2))


def retargeted(shared: Path) -> Path:
    """The mocap data on the body, made once."""
    from lift3d.training.retarget_file import retarget_dataset

    target = Path(tempfile.gettempdir()) / few("lift3d-bench-bodies.h5", "lift3d-rough-bodies.h5")
    if not target.exists():
        from lift3d.plugins import datasets

        print(f"putting motion capture onto the body: {target}")
        body = body_models["default"]()
        whole = datasets["mocap_h5"](shared / "mocap")
        retarget_dataset(few(whole, OneSplit(whole, ("test",))), body.articulation, target)
    return target


def synthetic(detector: BuiltinDetector, bodies: Path, count: int) -> dict[str, float]:
    """Keypoints, parts, U and V on painted pictures of people that nothing was trained on."""
    body = body_models["default"]()
    painter = Painter(body, PaintConfig(height=384, width=384, padding=1.6), seed=77)
    people = postures_of(read_rotations(bodies, "test"), with_skin_points(body), 3, 77)
    ruler = ruler_of(body, lookup_of(atlas_of(body)))
    results: list[PictureResult] = []
    judged: list[JudgedPicture] = []
    table, off, gps = np.zeros((25, 25)), [], []
    for number in range(count):
        painting = painter.paint(next(people), number)
        mask = painting.mask(0)
        if mask.sum() < 400:
            continue
        box = torch.from_numpy(painting.people[0].box)[None]
        found = detector([painting.picture], [box])[0]
        results.append(
            PictureResult((annotated(painting, mask),), found.pose.keypoints, found.scores)
        )
        surface = detector.surface_maps(painting.picture, box)[0]
        drawn = surface.on_picture()
        inside = within(crops_of(box, RULE)[0], mask.shape)
        part = np.where(mask, painting.part, 0)
        here = (part != IGNORED) & inside
        np.add.at(table, (part[here], drawn.part.numpy()[here]), 1)
        right = here & (part > 0) & (part == drawn.part.numpy())
        off.append(np.abs(drawn.uv.numpy() - painting.uv)[:, right].mean(0))
        true = true_person(painting, part, number)
        if true is not None and true.person.surface is not None:
            gps.append(gps_of_map(true.person.surface, surface, ruler))
            judged.append(JudgedPicture((true,), (surface,), mask.shape))
    both = table.sum(0) + table.sum(1) - table.diagonal()
    ap = keypoint_ap(results, SIGMAS)
    return {
        "pictures": float(len(results)),
        "synthetic_oks_ap": ap.ap,
        "synthetic_oks_ap50": ap.ap50,
        "part_miou": float((table.diagonal() / np.maximum(both, 1)).mean()),
        "uv_error": float(np.concatenate(off).mean()),
        "gps": float(np.mean(gps)),
        "gpsm": surface_ap(judged, ruler, "gpsm").ap,
    }


def within(crop: torch.Tensor, shape: tuple[int, int]) -> np.ndarray:
    """Pixels of a picture that a crop holds."""
    left, top, width, height = crop.tolist()
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(
        (columns > left) & (columns < left + width) & (rows > top) & (rows < top + height)
    )


def annotated(painting: Painting, mask: np.ndarray) -> AnnotatedPerson:
    """The subject as COCO has people: keypoints in the picture, box and area."""
    person = painting.people[0]
    places = torch.from_numpy(person.keypoints.copy())
    seen = torch.from_numpy((person.seen > 0).astype(np.float32))
    pose = Pose2D.from_detections(places, seen, painting.skeleton, mask.shape)
    return AnnotatedPerson(pose, torch.from_numpy(person.box), float(mask.sum()))


def true_person(painting: Painting, part: np.ndarray, seed: int) -> TruePerson | None:
    """Some points of the subject's surface, and its mask over the box."""
    rows, columns = np.nonzero((part > 0) & (part <= 24))
    if len(rows) < 50:
        return None
    chosen = np.random.default_rng(seed).choice(len(rows), min(POINTS, len(rows)), replace=False)
    rows, columns = rows[chosen], columns[chosen]
    points = SurfacePoints(
        torch.from_numpy(np.stack([columns, rows], 1).astype(np.float32)),
        torch.from_numpy(part[rows, columns].astype(np.int64)),
        torch.from_numpy(painting.uv[:, rows, columns].T.copy()),
    )
    left, top, width, height = painting.people[0].box.astype(int)
    mask = painting.mask(0)
    pose = annotated(painting, mask)
    person = AnnotatedPerson(pose.keypoints, pose.box, pose.area, surface=points)
    return TruePerson(person, mask[top : top + height, left : left + width])


def real(
    detector: BuiltinDetector, weights: Path | None, shared: Path, sheet: Path | None
) -> dict[str, float]:
    """PCK at 0.2 of the torso on real pictures, with one look and with a second in a mirror."""
    views = real_views(shared)
    twice = BuiltinDetector(weights=weights, flip=True)
    if sheet is not None:
        contact_sheet(twice, views, sheet)
    scores = [pck(detector, view)[0] for view in views]
    flipped = [pck(twice, view)[0] for view in views]
    return {
        "real_pck": float(np.mean(scores)),
        **{f"real_pck_{v.name}": s for v, s in zip(views, scores, strict=True)},
        "real_pck_flip": float(np.mean(flipped)),
    }


def speed(detector: BuiltinDetector) -> dict[str, float]:
    """Crops a second of the network (torch, and ONNX Runtime where it is), and pictures painted."""
    crop = np.random.default_rng(0).integers(0, 255, (1, *RULE.size, 3), np.uint8)
    looks: dict[str, Any] = {"torch": lambda: detector.look(crop)}
    onnx = onnx_session(detector)
    if onnx is not None:
        looks["onnx"] = lambda: onnx(crop)
    body = body_models["default"]()
    painter = Painter(body, PaintConfig())
    turns = torch.randn(60, 24, 3, generator=torch.Generator().manual_seed(0)) * 0.2
    from lift3d.painting import Postures

    people = [Postures(turns[i : i + 3], torch.zeros(3, 10)) for i in range(0, 60, 3)]
    looks["paint"] = lambda: [painter.paint(some, i) for i, some in enumerate(people)]
    seconds = alternately(looks)
    figures = {
        "builtin_fps_torch": 1 / seconds["torch"],
        "engine_pictures_per_s": len(people) / seconds["paint"],
    }
    if onnx is not None:
        figures["builtin_fps"] = 1 / seconds["onnx"]
    return figures


def alternately(runs: dict[str, Any], rounds: int = 9) -> dict[str, float]:
    """Median CPU seconds of each, in turn."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(few(rounds, 1)):
        for name, run in runs.items():
            start = time.process_time()
            run()
            taken[name].append(time.process_time() - start)
    return {name: float(np.median(values)) for name, values in taken.items()}


def onnx_session(detector: BuiltinDetector) -> Any:
    """The network in ONNX Runtime on one thread, from pictures to keypoints; None without it."""
    try:
        import onnxruntime
    except ImportError:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "builtin.onnx"
        detector.export_onnx(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    name = session.get_inputs()[0].name
    return lambda crop: session.run(
        None, {name: (crop.transpose(0, 3, 1, 2).astype(np.float32) / 255)}
    )


def video(shared: str | None) -> dict[str, float]:
    """Frames a second from a video to meshes, everything on the way."""
    if not shared or not (Path(shared) / "keypoints").is_dir():
        return {}
    return video_to_mesh(Path(shared))


if __name__ == "__main__":
    main()
