"""Old models, hands and faces, and joints in space: what lies beside a body does not break it."""

import pytest
import torch

from lift3d.errors import FileFormatError
from lift3d.io import read_keypoints
from lift3d.io.keypoints.openpose import OPENPOSE
from lift3d.io.keypoints.rows import Rows
from lift3d.skeletons import (
    BODY_25,
    BODY_25B,
    BODY_135,
    BODY_OF,
    COCO_17,
    COCO_WHOLEBODY_133,
    HALPE_136,
    MPI_15,
)


def spread(layout, walker) -> list[float]:
    """The walker's body and, for all else, points in its face."""
    body = BODY_OF[layout]
    return walker(body) + [320.0, 90.0, 0.5] * (len(layout) - len(body))


def test_mpi_15_by_hand(walker, write, openpose_frame) -> None:
    walker_15 = MPI_15.subset("without_chest", MPI_15.joints[:14])
    path = write("1.json", openpose_frame([*walker(walker_15), 321.0, 197.0, 0.9]))
    pose = read_keypoints(path).people[0].pose
    assert pose.skeleton is MPI_15
    assert pose.keypoints[0, 0].tolist() == [322, 58]  # the head's top
    assert pose.keypoints[0, MPI_15.index("right_elbow")].tolist() == [262, 196]
    assert pose.to(COCO_17).keypoints[0, COCO_17.index("left_knee")].tolist() == [352, 338]


def test_openpose_135(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(spread(BODY_135, walker)))
    file = read_keypoints(path)
    assert file.people[0].pose.skeleton is BODY_25B
    assert any("name the skeleton body_135 to keep all" in note for note in file.report.notes)
    assert read_keypoints(path, "body_135").people[0].pose.skeleton is BODY_135


@pytest.mark.parametrize("layout", [COCO_WHOLEBODY_133, HALPE_136], ids=lambda s: s.name)
def test_alphapose_keeps_the_whole_body_where_it_is_named(layout, walker, write) -> None:
    flat = spread(layout, walker)
    rows = [{"image_id": f"{n}.jpg", "keypoints": flat, "pred_xyz_jts": [0.1] * 87} for n in (1, 2)]
    path = write("r.json", rows)
    whole = read_keypoints(path, layout).people[0].pose
    assert whole.keypoints.shape == (2, len(layout), 2)
    assert whole.keypoints[0, -1].tolist() == [320, 90]
    body = read_keypoints(path, BODY_OF[layout]).people[0].pose
    torch.testing.assert_close(body.keypoints, whole.keypoints[:, : len(BODY_OF[layout])])
    assert not any("the body" in note for note in read_keypoints(path, layout).report.notes)


def test_a_face_alone_is_no_body(walker, write) -> None:
    flat = spread(COCO_WHOLEBODY_133, walker)
    face = [0.0] * 51 + flat[51:]
    rows = [{"image_id": "1.jpg", "keypoints": points} for points in (flat, face)]
    file = read_keypoints(write("r.json", rows))
    assert len(file.people) == 1
    assert "1 detections of fewer than 3 keypoints were left out" in file.report.notes


def test_hands_and_face_beside_a_body_are_passed_over(walker, write, openpose_frame) -> None:
    document = openpose_frame(walker(BODY_25))
    for part, joints in (("face", 70), ("hand_left", 21), ("hand_right", 21)):
        document["people"][0][f"{part}_keypoints_2d"] = [900.0, 900.0, 0.9] * joints
    document["part_candidates"] = [{"0": [1.0, 2.0, 0.3], "1": []}]
    file = read_keypoints(write("1.json", document))
    assert file.report.image_size == (480, 640)
    assert file.people[0].pose.skeleton is BODY_25


def test_joints_in_space_stay_with_their_people(walker, write, openpose_frame) -> None:
    """Two people swap places in the file; what they have in space goes with them."""
    for frame in range(4):
        order = [0, 1] if frame % 2 else [1, 0]
        document = openpose_frame(*[walker(BODY_25, dx=250 * who) for who in order])
        for person, who in zip(document["people"], order, strict=True):
            person["pose_keypoints_3d"] = [float(who), 2.0, 3.0, 1.0] * 24 + [0.0] * 4
        path = write(f"clip/{frame}.json", document)
    file = read_keypoints(path.parent)
    assert len(file.spatial) == len(file.people) == 2
    for person, space in zip(file.people, file.spatial, strict=True):
        who = float(person.pose.keypoints[0, 0, 0] > 400)
        assert space.joints[:, :24, 0].tolist() == [[who] * 24] * 4
        assert space.joints[:, 24].isnan().all()
        assert space.confidence[:, 24].tolist() == [0.0] * 4
        assert "calibrated" in space.unit


def test_without_joints_in_space_there_are_none(walker, write, openpose_frame) -> None:
    assert read_keypoints(write("1.json", openpose_frame(walker(BODY_25)))).spatial == ()


def test_undetected_joints_of_normalised_files(walker, write, openpose_frame) -> None:
    """--keypoint_scale 4: 0, 0 is the middle of the picture, and only confidence tells."""
    flat = walker(BODY_25)
    flat[0::3] = [2 * x / 639 - 1 for x in flat[0::3]]
    flat[1::3] = [2 * y / 479 - 1 for y in flat[1::3]]
    flat[3:6] = [0.0, 0.0, 0.7]
    flat[6:9] = [-1.0, -1.0, 0.0]
    file = read_keypoints(write("1.json", openpose_frame(flat)), "body_25", image_size=(480, 640))
    middle, missing = file.people[0].pose.keypoints[0, 1:3]
    assert middle.tolist() == [319.5, 239.5]
    assert missing.isnan().all()


def test_rows_name_the_person_that_is_wrong() -> None:
    rows = Rows("'clip'", "person")
    with pytest.raises(FileFormatError, match=r"'clip/1.json', person 3, got 4 numbers"):
        rows.add(1, (1.0, 2.0, 3.0, 4.0), -1, "clip/1.json", 3)
    OPENPOSE.add(rows, b'{"people": []}', 0, "clip/0.json")
    assert len(rows) == 0
