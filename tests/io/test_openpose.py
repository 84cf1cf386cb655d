"""OpenPose folders and files: names, versions, missing keypoints, scales, people."""

from pathlib import Path

import pytest
import torch

from lift3d.errors import FileFormatError, InputError, SkeletonError
from lift3d.io import read_keypoints
from lift3d.skeletons import BODY_25, BODY_25B, COCO_18, HALPE_26


@pytest.mark.parametrize("layout", [BODY_25, BODY_25B, COCO_18, HALPE_26], ids=lambda s: s.name)
def test_a_single_frame_of_each_layout(layout, walker, write, openpose_frame) -> None:
    path = write("dance_000000000007_keypoints.json", openpose_frame(walker(layout)))
    file = read_keypoints(path)
    person = file.people[0]
    assert person.pose.skeleton == layout
    assert person.first_frame == 7
    assert len(person) == 1
    elbow = person.pose.keypoints[0, layout.index("left_elbow")]
    torch.testing.assert_close(elbow, torch.tensor([378.0, 198.0]))
    torch.testing.assert_close(person.pose.confidence, torch.full((1, len(layout)), 0.9))


@pytest.mark.parametrize(
    "pattern",
    ["dance_{:012d}_keypoints.json", "cam01.{:04d}.json", "{}.json", "clip 2 (frame {}).json"],
)
def test_any_name_with_the_frame_number_last(pattern, walker, write, openpose_frame) -> None:
    for frame in (9, 10, 12):
        path = write("clip/" + pattern.format(frame), openpose_frame(walker(BODY_25, dx=frame)))
    person = read_keypoints(path.parent).people[0]
    assert person.first_frame == 9
    assert person.observed.tolist() == [True, True, False, True]
    assert person.pose.keypoints[:, 0, 0].isnan().tolist() == [False, False, True, False]
    assert person.pose.keypoints[3, 0, 0] == 322 + 12
    assert (person.pose.confidence[2] == 0).all()


@pytest.mark.parametrize("key", ["pose_keypoints", "pose_keypoints_2d"])
def test_old_and_new_keys(key, walker, write, openpose_frame) -> None:
    path = write("a_1.json", openpose_frame(walker(COCO_18), key=key))
    assert read_keypoints(path).report.skeleton == "coco_18"


def test_cmu_pose_bodies(walker, write) -> None:
    path = write("1.json", {"version": 0.1, "bodies": [{"joints": walker(COCO_18)}]})
    assert read_keypoints(path).report.skeleton == "coco_18"


def test_undetected_keypoints_are_missing_whatever_their_confidence(
    walker, write, openpose_frame
) -> None:
    flat = walker(BODY_25)
    flat[0:3] = [0, 0, 0]
    flat[3:6] = [0, 0, 0.4]
    flat[6:9] = [100, None, 0.5]
    flat[9:12] = [100, 1e30, 0.5]
    pose = read_keypoints(write("1.json", openpose_frame(flat))).people[0].pose
    assert (pose.confidence[0, :4] == 0).all()
    assert pose.keypoints[0, :4].isnan().all()
    assert (pose.confidence[0, 4:] > 0).all()


def test_empty_frames_and_empty_people_are_unobserved(walker, write, openpose_frame) -> None:
    write("clip/0.json", openpose_frame())
    write("clip/1.json", openpose_frame(walker(BODY_25), []))
    path = write("clip/2.json", openpose_frame([]))
    file = read_keypoints(path.parent)
    assert [p.observed.tolist() for p in file.people] == [[False, True, False]]
    assert "nobody was seen in 2 of 3 frames" in file.report.notes


def test_zero_to_one_spans_pixel_centres(walker, write, openpose_frame) -> None:
    """OpenPose's keypointScaler.cpp divides by width - 1 and height - 1."""
    flat = walker(BODY_25)
    flat[0::3] = [x / 639 for x in flat[0::3]]
    flat[1::3] = [y / 479 for y in flat[1::3]]
    path = write("1.json", openpose_frame(flat))
    file = read_keypoints(path, image_size=(480, 640))
    assert file.report.pixel_space == "normalised [0,1]"
    assert file.report.image_size_from == "caller"
    torch.testing.assert_close(file.people[0].pose.keypoints[0, 0], torch.tensor([322.0, 92.0]))


def test_minus_one_to_one_spans_pixel_centres(walker, write, openpose_frame) -> None:
    flat = walker(BODY_25)
    flat[0::3] = [2 * x / 639 - 1 for x in flat[0::3]]
    flat[1::3] = [2 * y / 479 - 1 for y in flat[1::3]]
    path = write("1.json", openpose_frame(flat))
    file = read_keypoints(path, image_size=(480, 640))
    assert file.report.pixel_space == "normalised [-1,1]"
    torch.testing.assert_close(file.people[0].pose.keypoints[0, 0], torch.tensor([322.0, 92.0]))


def test_normalised_coordinates_ask_for_the_picture_size(walker, write, openpose_frame) -> None:
    flat = [value / 1000 for value in walker(BODY_25, c=900)]
    with pytest.raises(InputError, match="give image_size as"):
        read_keypoints(write("1.json", openpose_frame(flat)))


def test_what_the_file_does_not_say_is_assumed_aloud(walker, write, openpose_frame) -> None:
    report = read_keypoints(write("1.json", openpose_frame(walker(BODY_25)))).report
    assert (report.fps, report.fps_from) == (30.0, "assumed")
    assert (report.image_size, report.image_size_from) == ((480, 640), "assumed")
    assert "picture: 640 wide, 480 high (assumed, the file does not say)" in str(report)
    assert "frames per second: 30 (assumed, the file does not say)" in str(report)


def test_the_caller_overrules(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(walker(BODY_25)))
    report = read_keypoints(path, fps=25.0, image_size=(1080, 1920)).report
    assert (report.fps, report.fps_from) == (25.0, "caller")
    assert (report.image_size, report.image_size_from) == ((1080, 1920), "caller")


def test_a_wrong_picture_size_is_remarked(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(walker(BODY_25)))
    notes = read_keypoints(path, image_size=(200, 200)).report.notes
    assert any("lie outside the picture" in note for note in notes)


def test_people_are_followed_and_ordered_by_how_much_is_seen(walker, write, openpose_frame) -> None:
    for frame in range(10):
        stays, leaves = walker(BODY_25, dx=2 * frame), walker(BODY_25, dx=250 - frame)
        people = [leaves, stays] if frame % 2 else [stays, leaves]
        path = write(f"clip/{frame}.json", openpose_frame(*people[: 2 if frame < 6 else 1]))
        if frame >= 6:
            path = write(f"clip/{frame}.json", openpose_frame(stays))
    file = read_keypoints(path.parent)
    assert [p.person for p in file.people] == [0, 1]
    assert [int(p.observed.sum()) for p in file.people] == [10, 6]
    assert file.people[0].pose.keypoints[:, 0, 0].tolist() == [322 + 2 * f for f in range(10)]
    assert "people were told apart by following their poses" in file.report.notes


def test_person_ids_in_the_file_are_kept_apart(walker, write, openpose_frame) -> None:
    for frame in range(4):  # two people swap places at once, as only ids can tell
        a, b = (0, 250) if frame < 2 else (250, 0)
        document = openpose_frame(walker(BODY_25, dx=a), walker(BODY_25, dx=b))
        document["people"][0]["person_id"], document["people"][1]["person_id"] = [5], [3]
        path = write(f"clip/{frame}.json", document)
    file = read_keypoints(path.parent)
    xs = sorted(p.pose.keypoints[:, 0, 0].tolist() for p in file.people)
    assert xs == [[322, 322, 572, 572], [572, 572, 322, 322]]
    assert "people were told apart by the ids in the file" in file.report.notes


def test_one_id_for_everybody_is_no_identity(walker, write, openpose_frame) -> None:
    for frame in range(3):
        document = openpose_frame(walker(BODY_25), walker(BODY_25, dx=250))
        for person in document["people"]:
            person["person_id"] = [0]
        path = write(f"clip/{frame}.json", document)
    assert [len(p) for p in read_keypoints(path.parent).people] == [3, 3]


def test_forty_people_in_a_frame(walker, write, openpose_frame) -> None:
    crowd = [walker(BODY_25, dx=70 * (n % 8), dy=90 * (n // 8)) for n in range(40)]
    assert len(read_keypoints(write("1.json", openpose_frame(*crowd))).people) == 40


def test_a_layout_that_lift3d_does_not_have(write, openpose_frame) -> None:
    with pytest.raises(SkeletonError, match="no layout of that size is known"):
        read_keypoints(write("1.json", openpose_frame([1.0, 2.0, 0.5] * 19)))


def test_a_skeleton_of_another_count_is_an_error(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(walker(BODY_25)))
    with pytest.raises(SkeletonError, match=r"expected 17 keypoints .* got 25"):
        read_keypoints(path, skeleton="coco_17")


def test_two_clips_in_one_folder_are_refused(walker, write, openpose_frame) -> None:
    write("clip/a_0.json", openpose_frame(walker(BODY_25)))
    path = write("clip/b_1.json", openpose_frame(walker(BODY_25)))
    with pytest.raises(FileFormatError, match=r"'a_0.json' and 'b_1.json'"):
        read_keypoints(path.parent)


def test_frame_numbers_that_are_none_are_refused(walker, write, openpose_frame) -> None:
    write("clip/1.json", openpose_frame(walker(BODY_25)))
    path = write("clip/20261120164024.json", openpose_frame(walker(BODY_25)))
    with pytest.raises(FileFormatError, match="renumber the frames"):
        read_keypoints(path.parent)


def test_real_clips(shared: Path) -> None:
    body_25 = shared / "keypoints" / "openpose_body25"
    lengths = {"clip_a": (0, 81), "clip_b": (90, 331)}
    for clip, (first, length) in lengths.items():
        person = read_keypoints(body_25 / clip).people[0]
        assert (person.first_frame, len(person)) == (first, length)
        assert bool(person.observed.all())
    both = read_keypoints(shared / "keypoints" / "pose2sim" / "balancing" / "cam01_json")
    assert [int(p.observed.sum()) for p in both.people] == [100, 100]
    assert both.report.image_size == (1920, 1080)
    knee = both.people[0].pose.confidence[:, BODY_25B.index("left_knee")]
    assert knee[37] > 0  # there OpenPose gives the man's legs as a person of their own
    for person in both.people:  # the eyes of two people 400 pixels apart never change owner
        eye = person.pose.keypoints[:, BODY_25B.index("left_eye")]
        assert eye.diff(dim=0).norm(dim=-1).max() < 40
