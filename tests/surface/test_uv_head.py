"""The UV network: ROIAlign against ONNX Runtime, losses by hand, learning, and ONNX."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from lift3d.errors import InputError
from lift3d.networks import Targets, export_network
from lift3d.networks.backbones.resnet import ResNetConfig
from lift3d.surface.roi_align import align_boxes, align_whole
from lift3d.surface.surface_map import SurfaceMap
from lift3d.surface.uv_head import UvConfig, UvNetwork
from lift3d.surface.uv_losses import SurfaceTargets, doubt_term, label_term, uv_term

SMALL = UvConfig(joints=3, backbone=ResNetConfig(18, 8), pyramid=24, width=32, depth=2, side=7)
FULL = UvConfig(
    joints=3,
    backbone=ResNetConfig(18, 8),
    pyramid=16,
    width=24,
    depth=1,
    side=7,
    stages=2,
    paths="adaptive",
    doubt=True,
)


def test_hand_computed_bins() -> None:
    """Features that are their own column: a bin's mean is its middle, whatever the box."""
    ramp = torch.arange(10.0).expand(1, 1, 8, 10)
    box = torch.tensor([[2.0, 2.0, 5.0, 4.0]])
    found = align_boxes(ramp, box, torch.zeros(1, dtype=torch.long), 2)
    # The box covers [2, 7]; its halves have their middles at 3.25 and 5.75, and pixel k's is at k + 0.5.
    torch.testing.assert_close(found[0, 0], torch.tensor([[2.75, 5.25], [2.75, 5.25]]))


def test_the_same_as_onnx_runtime() -> None:
    onnx, runtime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    features = torch.randn(2, 3, 13, 17)
    boxes = torch.tensor([[3.0, 5, 40, 30], [-9, -4, 60, 70], [50, 30, 30, 40]])
    pictures = torch.tensor([0, 1, 1])
    kind, made = onnx.TensorProto, onnx.helper
    node = made.make_node(
        "RoiAlign",
        ["x", "boxes", "pictures"],
        ["y"],
        output_height=7,
        output_width=7,
        sampling_ratio=2,
        spatial_scale=0.25,
        mode="avg",
        coordinate_transformation_mode="half_pixel",
    )
    given = [("x", kind.FLOAT, [2, 3, 13, 17]), ("boxes", kind.FLOAT, [3, 4])]
    given.append(("pictures", kind.INT64, [3]))
    inputs = [made.make_tensor_value_info(*one) for one in given]
    outputs = [made.make_tensor_value_info("y", kind.FLOAT, [3, 3, 7, 7])]
    graph = made.make_graph([node], "g", inputs, outputs)
    model = made.make_model(graph, opset_imports=[made.make_opsetid("", 18)], ir_version=8)
    corners = torch.cat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
    (wanted,) = runtime.InferenceSession(model.SerializeToString()).run(
        None, {"x": features.numpy(), "boxes": corners.numpy(), "pictures": pictures.numpy()}
    )
    found = align_boxes(features, boxes, pictures, 7, 4.0)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


def test_a_box_of_the_whole_picture() -> None:
    features = torch.randn(2, 3, 9, 12)
    box = torch.tensor([[0.0, 0, 12, 9]]).expand(2, 4)
    torch.testing.assert_close(
        align_whole(features, 7), align_boxes(features, box, torch.arange(2), 7), atol=1e-5, rtol=0
    )


def test_doubt_is_a_gaussian() -> None:
    miss, sigma, kappa = torch.randn(2, 50), torch.rand(50) + 0.1, torch.randn(2, 50)
    found = doubt_term(miss, sigma, kappa)
    eye = torch.eye(2) * sigma[:, None, None] ** 2
    spread = eye + kappa.T[:, :, None] * kappa.T[:, None]
    wanted = -MultivariateNormal(torch.zeros(2), spread).log_prob(miss.T)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_losses_by_hand() -> None:
    part = torch.tensor([[[0, 2], [2, 1]]])
    uv = torch.full((1, 2, 2, 2), 0.5)
    u, v = torch.full((1, 24, 2, 2), 7.0), torch.full((1, 24, 2, 2), 0.5)
    u[:, 1] = 0.6
    u[:, 0] = 0.5
    found = uv_term(u, v, part, uv)
    # Two pixels of part 2 miss U by 0.1: (0.1 - 0.025) / 0.05 each; three pixels count.
    assert float(found.mean) == pytest.approx(2 * 1.5 / 3, rel=1e-4)
    logits = torch.zeros(1, 25, 2, 2)
    assert float(label_term(logits, part).mean) == pytest.approx(np.log(25), rel=1e-5)


def toy(count: int, side: int) -> tuple[torch.Tensor, SurfaceTargets]:
    """Pictures of a coloured rectangle: left half part 3, right half part 8, U and V across it."""
    pictures = torch.zeros(count, 3, 64, 64)
    maps, points = [], []
    for n in range(count):
        left, top = (int(x) for x in torch.randint(4, 16, (2,)))
        part = torch.zeros(64, 64, dtype=torch.long)
        part[top : top + 40, left : left + 20], part[top : top + 40, left + 20 : left + 40] = 3, 8
        y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
        uv = torch.stack([(x - left) / 40, (y - top) / 40]).clamp(0, 1)
        pictures[n] = torch.stack([(part == 3) * 1.0, uv[0], uv[1]]) * (part > 0)
        maps.append(SurfaceMap.over_picture(part, uv))
        scale = side / 64
        points.append(torch.tensor([[left, top], [left + 40, top], [left, top + 40]]) * scale)
    keypoints = torch.stack(points).float()
    people = Targets.of_one(keypoints, torch.ones(count, 3, dtype=torch.bool))
    return pictures, SurfaceTargets.of_maps(maps, people, side)


@pytest.mark.parametrize("config", [SMALL, FULL], ids=["plain", "cascade, adaptive, doubt"])
def test_it_learns_a_few_maps(config: UvConfig) -> None:
    torch.manual_seed(1)
    network = config.build()
    pictures, targets = toy(6, config.grid)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    network.train()
    for _ in range(120):
        optimiser.zero_grad()
        terms = network.losses(network(pictures), targets)
        loss = torch.stack([term.mean for term in terms.values()]).sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
    output = network(pictures)
    boxes = torch.tensor([[0.0, 0, 64, 64]]).expand(len(pictures), 4)
    found = network.maps(output, boxes, (64, 64))
    part = torch.stack([one.part for one in found])
    assert (part == targets.part).float().mean() > 0.93
    seen = (part == targets.part) & (targets.part > 0)
    off = (torch.stack([one.uv for one in found]) - targets.uv).abs().amax(1)
    assert off[seen].mean() < 0.08
    mask = output.stages[-1].mask[:, 0] > 0
    assert (mask == (targets.part > 0)).float().mean() > 0.93
    assert (found[0].doubt is not None) == config.doubt
    assert terms["keypoints"].mean < 1


def test_boxes_of_pictures_and_whole_pictures_agree() -> None:
    network = SMALL.build().eval()
    pictures = torch.rand(2, 3, 64, 64)
    boxes = torch.tensor([[0.0, 0, 64, 64]]).expand(2, 4)
    whole, boxed = network(pictures), network.of_boxes(pictures, boxes, torch.arange(2))
    torch.testing.assert_close(whole.stages[0].labels, boxed.stages[0].labels, atol=1e-4, rtol=1e-4)


def test_large_boxes_come_from_coarse_features() -> None:
    from lift3d.surface.uv_head import _level_of

    boxes = torch.tensor([[0.0, 0, s, s] for s in (10, 112, 223, 225, 448, 5000)])
    assert _level_of(boxes).tolist() == [0, 1, 1, 2, 3, 3]


@pytest.mark.parametrize("config", [SMALL, FULL], ids=["plain", "full"])
def test_onnx_says_the_same(config: UvConfig, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    network: UvNetwork = config.build().eval()
    export_network(network, tmp_path / "uv.onnx", (64, 64))
    pictures = torch.rand(3, 3, 64, 64)
    with torch.no_grad():
        stages = network(pictures).stages
    session = runtime.InferenceSession(tmp_path / "uv.onnx")
    names = [one.name for one in session.get_outputs()]
    found = dict(zip(names, session.run(None, {"pictures": pictures.numpy()}), strict=True))
    last = len(stages) - 1
    for field in ("labels", "u", "v", "mask", "keypoints"):
        wanted = getattr(stages[-1], field).numpy()
        np.testing.assert_allclose(found[f"stages_{last}_{field}"], wanted, atol=1e-4)


def test_other_targets_and_networks_are_refused() -> None:
    network = SMALL.build()
    people = Targets(torch.zeros(1, 1, 3, 2), torch.ones(1, 1, 3, dtype=torch.bool))
    with pytest.raises(InputError, match="SurfaceTargets"):
        network.losses(network(torch.rand(1, 3, 64, 64)), people)
    with pytest.raises(InputError, match="stride"):
        UvConfig(backbone=ResNetConfig(18, 8, stride=16))
    with pytest.raises(InputError):
        UvConfig(side=0)
