"""MMPose's predictions in all their forms, and EasyMocap's annotations."""

from collections.abc import Callable
from typing import Any

import pytest

from lift3d.errors import FileFormatError
from lift3d.io import KeypointFile, read_keypoints
from lift3d.skeleton import Skeleton
from lift3d.skeletons import BODY_25, COCO_17, CROWDPOSE_14, HALPE_26


@pytest.fixture
def instance(walker) -> Callable[..., dict[str, Any]]:
    """An instance as mmpose's split_instances writes it."""

    def one(dx: float = 0.0, layout: Skeleton = COCO_17, **more: Any) -> dict[str, Any]:
        flat = walker(layout, dx=dx, c=0.8)
        pairs = [list(pair) for pair in zip(flat[0::3], flat[1::3], strict=True)]
        box = [[200.0 + dx, 50.0, 420.0 + dx, 450.0]]  # nested one level, as in the source
        scores = {"keypoint_scores": flat[2::3], "bbox": box, "bbox_score": 0.9}
        return {"keypoints": pairs, **scores, **more}

    return one


def noses(file: KeypointFile) -> list[float]:
    return file.people[0].pose.keypoints[:, 0, 0].tolist()


def test_a_picture(instance, write) -> None:
    file = read_keypoints(write("street_12.json", [instance()]))
    assert file.report.format == "MMPose predictions"
    assert (file.report.first_frame, file.report.skeleton) == (12, "coco_17")
    assert noses(file) == [322]
    assert file.people[0].pose.confidence[0, 0] == pytest.approx(0.8)


def test_a_picture_of_a_list_in_a_list(instance, write) -> None:
    path = write("1.json", [[instance(), instance(dx=250)]])
    assert len(read_keypoints(path).people) == 2


def test_a_folder_of_pictures_whose_first_shows_nobody(instance, write) -> None:
    write("out/a_0.json", [])
    write("out/a_1.json", [instance(dx=1)])
    path = write("out/a_2.json", [instance(dx=2)])
    file = read_keypoints(path.parent)
    assert file.people[0].observed.tolist() == [False, True, True]
    assert noses(file)[1:] == [323, 324]


def test_a_video(instance, write) -> None:
    frames = [{"frame_id": n, "instances": [instance(dx=n)]} for n in (4, 5, 7)]
    file = read_keypoints(write("video.json", frames))
    assert (file.report.first_frame, file.report.frames) == (4, 4)
    assert [noses(file)[n] for n in (0, 1, 3)] == [326, 327, 329]
    assert "a JSON list of frames with 'instances'" in str(file.report)


@pytest.mark.parametrize("dataset", ["crowdpose", None])
def test_a_demo_and_the_data_set_it_names(dataset, instance, write) -> None:
    info = {"dataset_name": dataset, "num_keypoints": 14} if dataset else {}
    layout = CROWDPOSE_14 if dataset else HALPE_26
    some = instance(layout=BODY_25_LIKE_14 if dataset else HALPE_26)
    frames = [{"frame_id": n, "instances": [some]} for n in range(3)]
    path = write("results.json", {"meta_info": info, "instance_info": frames})
    assert read_keypoints(path).report.skeleton == layout.name


BODY_25_LIKE_14 = BODY_25.subset("fourteen", BODY_25.joints[:14])


def test_track_ids_are_honoured(instance, write) -> None:
    frames = [
        {
            "frame_id": n,
            "instances": [instance(dx=250 * ((n + k) % 2), track_id=k) for k in (0, 1)],
        }
        for n in range(4)
    ]
    for person in read_keypoints(write("video.json", frames)).people:
        assert person.pose.keypoints[:, 0, 0].diff().abs().tolist() == [250.0] * 3


def test_joints_in_space_are_not_taken_for_pixels(instance, write) -> None:
    some = instance(keypoints=[[0.1, 0.2, 0.3]] * 17)
    with pytest.raises(FileFormatError, match=r"frame 3.* person 0, got x, y, z.*2D detector"):
        read_keypoints(write("r.json", [{"frame_id": 3, "instances": [some]}]))


@pytest.fixture
def annotations(walker) -> Callable[..., dict[str, Any]]:
    def frame(*people: tuple[int, float], key: str = "personID") -> dict[str, Any]:
        flats = [(who, walker(BODY_25, dx=dx)) for who, dx in people]
        annots = [
            {
                key: who,
                "bbox": [0, 0, 9, 9, 0.9],
                "keypoints": [flat[at : at + 3] for at in range(0, 75, 3)],
                "handl2d": [[0, 0, 0]] * 21,
            }
            for who, flat in flats
        ]
        return {"filename": "images/0.jpg", "height": 480, "width": 640, "annots": annots}

    return frame


@pytest.mark.parametrize("key", ["personID", "id"])
def test_easymocap(key, annotations, write) -> None:
    for n in range(3):  # two people swap places, as only ids can tell
        places = [(0, 0.0), (1, 250.0)] if n < 2 else [(0, 250.0), (1, 0.0)]
        path = write(f"annots/{n:06d}.json", annotations(*places, key=key))
    file = read_keypoints(path.parent)
    assert (file.report.format, file.report.skeleton) == ("EasyMocap annotations", "body_25")
    assert (file.report.image_size, file.report.image_size_from) == ((480, 640), "file")
    assert noses(file) in ([322, 322, 572], [572, 572, 322])


def test_a_single_frame_of_easymocap(annotations, write) -> None:
    assert read_keypoints(write("000007.json", annotations((0, 0.0)))).report.first_frame == 7
