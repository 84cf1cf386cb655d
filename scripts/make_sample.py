"""Make the keypoint sample that ships with lift3d: one video -> MediaPipe Pose landmarks -> JSON.

MediaPipe pins numpy<2 and brings its own OpenCV, so it never shares an environment with lift3d.
Give it one of its own and run this file there; nothing of lift3d is imported:

    python3.11 -m venv /tmp/mediapipe_env
    /tmp/mediapipe_env/bin/pip install "mediapipe==0.10.21" "numpy<2"
    /tmp/mediapipe_env/bin/python scripts/make_sample.py balancing/cam01.mp4 \
        lift3d/samples/balancing_mediapipe.json

The wheel carries the "full" pose model only (model_complexity=1); "lite" and "heavy" would be
downloaded on first use, so the recipe stays with what works offline.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import mediapipe as mp

FORMAT = "mediapipe_pose_landmarks"
MODEL_COMPLEXITY = 1
MODEL_FILE = "modules/pose_landmark/pose_landmark_full.tflite"
# 5 decimals of a 1920 pixel edge are 0.02 px, 4 decimals of a metre 0.1 mm: far below the noise.
IMAGE_DECIMALS = 5
WORLD_DECIMALS = 4

ORIGIN = {
    "name": "Pose2Sim demo data, trial 'balancing', camera 1",
    "url": "https://github.com/perfanalytics/pose2sim",
    "licence": "BSD-3-Clause",
    "copyright": "Copyright (c) 2022, perfanalytics",
}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def video_frames(path: Path) -> Iterator[Any]:
    """Yield the frames of a video as (height, width, 3) uint8 RGB arrays, upright."""
    # OpenCV applies the container's rotation flag while decoding, so sizes are read off the frame.
    capture = cv2.VideoCapture(str(path))
    try:
        while True:
            found, bgr = capture.read()
            if not found:
                return
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    finally:
        capture.release()


def frame_rate(path: Path) -> float:
    """Return the frame rate in Hz that the container states."""
    capture = cv2.VideoCapture(str(path))
    try:
        return round(float(capture.get(cv2.CAP_PROP_FPS)), 6)
    finally:
        capture.release()


def rounded(landmark_list: Any, decimals: int) -> list[dict[str, float]]:
    """Turn a MediaPipe landmark list into plain dictionaries; an absent list becomes []."""
    if landmark_list is None:
        return []
    names = ("x", "y", "z", "visibility")
    return [
        {name: round(getattr(point, name), decimals) for name in names}
        for point in landmark_list.landmark
    ]


def detect(path: Path) -> tuple[list[dict[str, Any]], list[int]]:
    """Run MediaPipe Pose over a video; return its frames and the image size [height, width]."""
    frames: list[dict[str, Any]] = []
    size: list[int] = []
    # Video mode with MediaPipe's defaults: one person is tracked and the landmarks are smoothed.
    with mp.solutions.pose.Pose(
        static_image_mode=False, model_complexity=MODEL_COMPLEXITY, smooth_landmarks=True
    ) as pose:
        for index, rgb in enumerate(video_frames(path)):
            size = list(rgb.shape[:2])
            result = pose.process(rgb)
            frames.append(
                {
                    "frame": index,
                    "landmarks": rounded(result.pose_landmarks, IMAGE_DECIMALS),
                    "world_landmarks": rounded(result.pose_world_landmarks, WORLD_DECIMALS),
                }
            )
    if not frames:
        raise SystemExit(f"expected a video that OpenCV can decode, got no frame from {path}")
    return frames, size


def describe_source(video: Path) -> dict[str, Any]:
    """Say which video and which detector the sample comes from."""
    model = Path(mp.__file__).parent / MODEL_FILE
    return {
        "video": ORIGIN | {"file": video.name, "sha256": sha256_of(video)},
        "detector": "MediaPipe Pose (mediapipe.solutions.pose)",
        "detector_version": mp.__version__,
        "detector_licence": "Apache-2.0",
        "model": {"file": model.name, "sha256": sha256_of(model)},
        "model_complexity": MODEL_COMPLEXITY,
        "static_image_mode": False,
        "smooth_landmarks": True,
    }


def make_sample(video: Path) -> dict[str, Any]:
    """Build the whole sample document from a video."""
    frames, size = detect(video)
    return {
        "format": FORMAT,
        "source": describe_source(video),
        "fps": frame_rate(video),
        "image_size": size,
        "frames": frames,
    }


def to_json(sample: dict[str, Any]) -> str:
    """Write the document with one frame per line, so that a diff shows which frames changed."""
    head = {key: value for key, value in sample.items() if key != "frames"}
    lines = [json.dumps(frame, separators=(",", ":")) for frame in sample["frames"]]
    opening = json.dumps(head, indent=1).removesuffix("\n}")
    return opening + ',\n "frames": [\n' + ",\n".join(lines) + "\n]}\n"


def write_whole(path: Path, text: str) -> None:
    """Write a file beside its target and rename it, so that a half-written one never shows."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def main() -> None:
    """Read the two paths from the command line and write the sample."""
    parser = argparse.ArgumentParser(description="Make lift3d's MediaPipe keypoint sample.")
    parser.add_argument("video", type=Path, help="cam01.mp4 of the 'balancing' trial")
    parser.add_argument("output", type=Path, help="JSON file to write")
    paths = parser.parse_args()
    sample = make_sample(paths.video)
    write_whole(paths.output, to_json(sample))
    seen = sum(1 for frame in sample["frames"] if frame["landmarks"])
    print(f"{paths.output}: {seen} of {len(sample['frames'])} frames with a person")


if __name__ == "__main__":
    main()
