"""The plug-ins as lift3d finds them, held against its laws."""

from pathlib import Path

import lift3d
from lift3d.io.keypoints.reader_plugins import installed_reader
from lift3d.testing import check_body_model, check_lifter, check_reader, check_viewer


def stickcam_file(folder: Path) -> Path:
    """Two people over three frames; the second has lost a wrist."""
    lines = ["stickcam 1 640 480 25"]
    for frame in range(3):
        for person in range(2):
            points = [(300 + 40 * person + j, 100 + 20 * j, 0.9) for j in range(17)]
            points[9] = (0, 0, 0) if person else points[9]
            numbers = [frame, person, *(value for point in points for value in point)]
            lines.append(" ".join(map(str, numbers)))
    path = folder / "clip.stickcam"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_lifter() -> None:
    check_lifter(lift3d.lifters["cardboard"]())


def test_the_body() -> None:
    check_body_model(lift3d.body_models["boxes"]())


def test_the_viewer() -> None:
    check_viewer(lift3d.viewers["painter"]())


def test_the_reader(tmp_path: Path) -> None:
    check_reader(installed_reader("stickcam"), stickcam_file(tmp_path))


def test_the_file_comes_in_through_the_front_door(tmp_path: Path) -> None:
    file = lift3d.read_keypoints(stickcam_file(tmp_path))
    assert file.report.format == "stickcam"
    assert (len(file.people), file.report.frames, file.report.fps) == (2, 3, 25.0)
    assert lift3d.read_keypoints(stickcam_file(tmp_path), format="stickcam").report.people == 2
