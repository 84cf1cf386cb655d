"""Surface maps in files: every layout comes back as it was, and strangers' files run nothing."""

import base64
import struct
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError, InputError
from lift3d.surface.densepose_dump import CHART_MODULE, PictureMaps, read_densepose_dump
from lift3d.surface.densepose_write import write_densepose_dump
from lift3d.surface.iuv_png import read_iuv_png, write_iuv_png
from lift3d.surface.map_npz import read_map_npz, write_map_npz
from lift3d.surface.quantised import bytes_of_map, map_of_bytes
from lift3d.surface.surface_map import SurfaceDoubt, SurfaceMap
from lift3d.surface.torch_zip import NamedObject, write_torch_zip


def random_map(rows: int = 12, columns: int = 9, *, doubt: bool = False) -> SurfaceMap:
    shape = (rows, columns)
    said = SurfaceDoubt(torch.rand(shape) + 0.1, torch.randn(2, *shape)) if doubt else None
    box = torch.tensor([3.5, 4.0, columns + 0.25, rows + 0.75])
    return SurfaceMap(torch.randint(0, 25, shape), torch.rand(2, *shape), box, (40, 30), 0.75, said)


def same(a: SurfaceMap, b: SurfaceMap, within: float = 0.0) -> None:
    assert torch.equal(a.part, b.part)
    off = (a.uv - b.uv).abs()[:, a.seen]
    assert off.max() <= within
    torch.testing.assert_close(a.box, b.box)
    assert a.score == pytest.approx(b.score)


@pytest.fixture
def detectron() -> Any:
    """Stand-ins for the classes that detectron2's DensePose would bring."""
    names = ("densepose", "densepose.structures", CHART_MODULE)
    modules = {name: types.ModuleType(name) for name in names}
    for name in ("Result", "ResultWithConfidences", "ResultQuantized", "ResultCompressed"):
        cls = type(f"DensePoseChart{name}", (), {"__module__": CHART_MODULE})
        setattr(modules[CHART_MODULE], cls.__name__, cls)
    sys.modules.update(modules)
    yield modules[CHART_MODULE]
    for name in names:
        del sys.modules[name]


def test_dumps_come_back(tmp_path: Path) -> None:
    plain, unsure = random_map(), random_map(7, 5, doubt=True)
    pictures = [PictureMaps("a.jpg", (plain, unsure)), PictureMaps("b.jpg", ())]
    write_densepose_dump(tmp_path / "dump.pkl", pictures)
    first, second = read_densepose_dump(tmp_path / "dump.pkl")
    assert (first.file_name, second.file_name, second.people) == ("a.jpg", "b.jpg", ())
    same(first.people[0], plain)
    same(first.people[1], unsure)
    said, true = first.people[1].doubt, unsure.doubt
    assert said is not None
    assert true is not None
    torch.testing.assert_close(said.sigma, true.sigma)
    assert torch.equal(said.kappa, true.kappa)


def test_torch_reads_what_we_write_as_detectron2_would(tmp_path: Path, detectron: Any) -> None:
    plain, unsure = random_map(), random_map(doubt=True)
    write_densepose_dump(tmp_path / "d.pkl", [PictureMaps("a.jpg", (plain, unsure))])
    classes = [detectron.DensePoseChartResult, detectron.DensePoseChartResultWithConfidences]
    with torch.serialization.safe_globals(classes):
        (picture,) = torch.load(tmp_path / "d.pkl", weights_only=True)
    assert set(picture) == {"file_name", "scores", "pred_boxes_XYXY", "pred_densepose"}
    assert picture["pred_boxes_XYXY"][0].tolist() == [3.5, 4.0, 12.75, 16.75]
    first, second = picture["pred_densepose"]
    assert type(first) is detectron.DensePoseChartResult
    assert torch.equal(first.labels, plain.part)
    assert torch.equal(first.uv, plain.uv)
    assert unsure.doubt is not None
    torch.testing.assert_close(second.sigma_2, unsure.doubt.sigma**2)
    assert second.fine_segm_confidence is None


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_torch_itself_writes(tmp_path: Path, detectron: Any, protocol: int) -> None:
    person = detectron.DensePoseChartResult()
    surface = random_map()
    person.labels, person.uv = surface.part, surface.uv
    box = torch.tensor([[3.5, 4.0, 12.75, 16.75]])
    entry = {"file_name": "x.png", "scores": torch.tensor([0.75]), "pred_boxes_XYXY": box}
    entry["pred_densepose"] = [person]
    torch.save([entry], tmp_path / "t.pkl", pickle_protocol=protocol)
    (picture,) = read_densepose_dump(tmp_path / "t.pkl")
    same(picture.people[0], surface)


def test_quantised_and_compressed_results(tmp_path: Path) -> None:
    surface = random_map()
    write_densepose_dump(tmp_path / "q.pkl", [PictureMaps("a.jpg", (surface,))], quantised=True)
    (picture,) = read_densepose_dump(tmp_path / "q.pkl")
    same(picture.people[0], surface, 0.5 / 255 + 1e-6)
    layers = bytes_of_map(surface)
    _, data = cv2.imencode(".png", layers[::-1].transpose(1, 2, 0).copy())  # R, G, B = I, U, V
    text = base64.encodebytes(data.tobytes()).decode()
    newer = NamedObject(
        CHART_MODULE,
        "DensePoseChartResultCompressed",
        {"shape_chw": layers.shape, "labels_uv_str": text},
    )
    older = NamedObject(
        "densepose.structures",
        "DensePoseResult",
        {"boxes_xywh": torch.zeros(1, 4), "results": [(layers.shape, text)]},
    )
    for number, said in enumerate(([newer], older)):
        entry = {
            "file_name": "a.jpg",
            "scores": torch.tensor([0.75]),
            "pred_boxes_XYXY": torch.tensor([[3.5, 4.0, 12.75, 16.75]]),
            "pred_densepose": said,
        }
        write_torch_zip(tmp_path / f"{number}.pkl", [entry])
        (picture,) = read_densepose_dump(tmp_path / f"{number}.pkl")
        same(picture.people[0], map_of_bytes(layers, "", (3.5, 4.0, 9.25, 12.75), None, 0.75))


def test_embeddings_and_other_objects_are_refused(tmp_path: Path) -> None:
    entry = {"file_name": "a.jpg", "scores": torch.ones(1), "pred_boxes_XYXY": torch.ones(1, 4)}
    write_torch_zip(tmp_path / "c.pkl", [entry | {"pred_densepose": {"embedding": torch.ones(1)}}])
    with pytest.raises(FileFormatError, match="CSE"):
        read_densepose_dump(tmp_path / "c.pkl")
    stranger = NamedObject("subprocess", "Popen", {"args": "touch"})
    write_torch_zip(tmp_path / "s.pkl", [entry | {"pred_densepose": [stranger]}])
    with pytest.raises(FileFormatError, match=r"subprocess\.Popen"):
        read_densepose_dump(tmp_path / "s.pkl")


@pytest.mark.parametrize("value", [{"a": 1}, [3], [{"file_name": 3}], [{"file_name": "a"}, None]])
def test_dumps_of_other_layouts(tmp_path: Path, value: object) -> None:
    write_torch_zip(tmp_path / "o.pkl", value)
    with pytest.raises(FileFormatError):
        read_densepose_dump(tmp_path / "o.pkl")


def test_cut_and_changed_dumps_never_crash(tmp_path: Path) -> None:
    write_densepose_dump(tmp_path / "d.pkl", [PictureMaps("a.jpg", (random_map(),))])
    whole = (tmp_path / "d.pkl").read_bytes()
    rng = np.random.default_rng(0)
    for n in range(60):
        data = bytearray(whole[: rng.integers(len(whole))] if n % 2 else whole)
        for at in rng.integers(0, max(len(data), 1), 3 if data else 0):
            data[at] = rng.integers(256)
        (tmp_path / "x.pkl").write_bytes(bytes(data))
        try:
            read_densepose_dump(tmp_path / "x.pkl")
        except FileFormatError:
            continue


def test_iuv_pictures_are_i_u_v_in_opencvs_order(tmp_path: Path) -> None:
    surface = random_map()
    write_iuv_png(tmp_path / "iuv.png", [surface])
    stored = cv2.imread(str(tmp_path / "iuv.png"), cv2.IMREAD_UNCHANGED)
    assert stored.shape == (40, 30, 3)
    back = read_iuv_png(tmp_path / "iuv.png")
    y, x = 10, 8  # pixel (8, 10) lies in the cell ((8.5 - 3.5) / 9.25 * 9, (10.5 - 4) / 12.75 * 12)
    part, u, v = stored[y, x]
    assert part == surface.part[6, 4]
    if part:
        np.testing.assert_allclose([u, v], 255 * surface.uv[:, 6, 4], atol=0.5)
    same(back, replace(surface.on_picture(), score=1.0), 0.5 / 255 + 1e-6)


def test_the_better_of_two_people_shows(tmp_path: Path) -> None:
    ones = SurfaceMap(
        torch.ones(4, 4, dtype=torch.long),
        torch.zeros(2, 4, 4),
        torch.tensor([0.0, 0, 4, 4]),
        (8, 8),
    )
    for low, high, shown in ((0.1, 0.9, 2), (0.9, 0.1, 1)):
        first = SurfaceMap(ones.part, ones.uv, ones.box, (8, 8), low)
        second = SurfaceMap(2 * ones.part, ones.uv, ones.box, (8, 8), high)
        write_iuv_png(tmp_path / "two.png", [first, second])
        assert int(read_iuv_png(tmp_path / "two.png").part.max()) == shown


def png_of(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        png_of(np.zeros((4, 4), np.uint8)),
        png_of(np.zeros((4, 4, 4), np.uint8)),
        png_of(np.zeros((4, 4, 3), np.uint16)),
        png_of(np.full((4, 4, 3), 99, np.uint8)),
        png_of(np.zeros((9, 9, 3), np.uint8))[:40],
        png_of(np.zeros((9, 9, 3), np.uint8)).replace(
            struct.pack(">II", 9, 9), struct.pack(">II", 60_000, 60_000)
        ),
        cv2.imencode(".jpg", np.zeros((9, 9, 3), np.uint8))[1].tobytes(),
    ],
    ids=["empty", "text", "grey", "alpha", "16 bit", "parts", "cut", "huge", "jpeg"],
)
def test_other_pictures_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(FileFormatError):
        read_iuv_png(tmp_path / "x.png")
    with pytest.raises(FileFormatError):
        read_iuv_png(tmp_path / "absent.png")


def test_own_files_come_back(tmp_path: Path) -> None:
    maps = [random_map(), random_map(3, 4, doubt=True)]
    write_map_npz(tmp_path / "maps.npz", maps)
    back = read_map_npz(tmp_path / "maps.npz")
    for one, other in zip(back, maps, strict=True):
        same(one, other)
        assert one.image_size == (40, 30)
    assert back[0].doubt is None
    assert back[1].doubt is not None
    write_map_npz(tmp_path / "nobody.npz", [])
    assert read_map_npz(tmp_path / "nobody.npz") == ()
    arrays = dict(np.load(tmp_path / "maps.npz"))
    np.savez(tmp_path / "wrong.npz", **(arrays | {"part": arrays["part"][:-1]}))
    with pytest.raises(FileFormatError):
        read_map_npz(tmp_path / "wrong.npz")
    np.savez(tmp_path / "wrong.npz", **(arrays | {"part": arrays["part"] + 30}))
    with pytest.raises(FileFormatError):
        read_map_npz(tmp_path / "wrong.npz")


def test_cells_lie_where_detectron2_lays_them() -> None:
    surface = random_map(10, 5)
    whole = SurfaceMap(surface.part, surface.uv, torch.tensor([20.0, 30.0, 5.0, 10.0]))
    assert whole.pixels[0, 0].tolist() == [20.0, 30.0]
    assert whole.pixels[9, 4].tolist() == [24.0, 39.0]
    laid = whole.on_picture((50, 40))
    assert torch.equal(laid.part[30:40, 20:25], whole.part)
    assert int((laid.part > 0).sum()) == int(whole.seen.sum())


@pytest.mark.parametrize(
    "spoilt",
    [
        {"part": torch.full((3, 3), 25)},
        {"uv": torch.full((2, 3, 3), 1.5)},
        {"uv": torch.full((2, 3, 3), torch.nan)},
        {"box": torch.tensor([0.0, 0, 0, 3])},
    ],
)
def test_values_that_are_no_maps(spoilt: dict[str, torch.Tensor]) -> None:
    good = {
        "part": torch.ones(3, 3, dtype=torch.long),
        "uv": torch.zeros(2, 3, 3),
        "box": torch.tensor([0.0, 0, 3, 3]),
    }
    SurfaceMap(**good)
    with pytest.raises(InputError, match="expected"):
        SurfaceMap(**(good | spoilt))
