"""Networks by name, on disk and back, and what is refused."""

from pathlib import Path

import pytest
import torch

from lift3d.errors import FileFormatError, InputError
from lift3d.networks import (
    AffinityFieldsConfig,
    AssociativeConfig,
    CascadedPyramidConfig,
    DeepPoseConfig,
    DiscOffsetsConfig,
    MultiStageConfig,
    PoseTransformerConfig,
    SimpleBaselineConfig,
    StackedHourglassConfig,
    Targets,
)
from lift3d.networks.backbones.hrnet import HRNetConfig
from lift3d.networks.backbones.resnet import ResNetConfig
from lift3d.networks.catalogue import (
    NETWORKS,
    configured,
    load_keypoint_network,
    save_keypoint_network,
)
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17
from tests.decoders.scenes import as_users_call
from tests.networks.tiny import TINY


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_configured_by_its_name(name) -> None:
    config = configured(name, COCO_17, (256, 192))
    assert type(config) is NETWORKS[name]
    assert config.joints == 17


@pytest.mark.parametrize("name", ["simple_baseline", "paf", "transformer"])
def test_weights_come_back_with_their_shape(name: str, tmp_path: Path) -> None:
    network = TINY[name].config.build().eval()
    save_keypoint_network(network, tmp_path / "net.safetensors")
    again = load_keypoint_network(tmp_path / "net.safetensors")
    assert again.config == network.config
    pictures = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for mine, other in zip(network(pictures)[0], again(pictures)[0], strict=True):
            torch.testing.assert_close(mine, other)


def test_files_of_other_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match="weights of a keypoint network"):
        load_keypoint_network(tmp_path / "net.safetensors")


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: SimpleBaselineConfig(joints=0), "at least 1, got joints 0"),
        (lambda: SimpleBaselineConfig(sigma=0.0), "sigma above 0, got 0"),
        (lambda: ResNetConfig(42), "depth of 18"),  # type: ignore[arg-type]
        (lambda: ResNetConfig(18, 0), "width 0"),
        (lambda: ResNetConfig(stride=4), "stride of 8"),  # type: ignore[arg-type]
        (lambda: HRNetConfig(modules=(1, 0, 1)), r"modules\[1\] 0"),
        (lambda: StackedHourglassConfig(pyramid=-1), "pyramid -1"),
        (lambda: StackedHourglassConfig(width=2), "at least 4, got width 2"),
        (lambda: CascadedPyramidConfig(hardest=0), "hardest 0"),
        (lambda: MultiStageConfig(coarse=float("nan")), "sigma"),
        (lambda: DeepPoseConfig(size=(0, 64)), "height 0"),
        (lambda: PoseTransformerConfig(size=(60, 64)), "multiples of 8"),
        (lambda: PoseTransformerConfig(width=20, heads=8), "width that 4 and the 8 heads divide"),
        (lambda: DiscOffsetsConfig(radius=-1.0), "sigma above 0"),
        (lambda: AssociativeConfig(stacks=0), "stacks 0"),
        (
            lambda: AffinityFieldsConfig(Skeleton("dots", ("a", "b"), (-1, -1))),
            "skeleton with bones",
        ),
        (lambda: configured("resnet", COCO_17, (64, 64)), "network of associative"),  # type: ignore[arg-type]
        (lambda: configured("cpn", COCO_17, (64, 64), {"depth": 3}), "got depth"),
        (lambda: configured("cpn", COCO_17, (64, 64), {"width": "wide"}), "Expected `int`"),
        (lambda: configured("cpn", COCO_17, (64, 64), {"hardest": 0}), "hardest 0"),
    ],
)
def test_shapes_that_cannot_be_are_refused_in_one_sentence(build, words: str) -> None:
    with as_users_call(), pytest.raises(InputError, match=words) as refused:
        build()
    assert "\n" not in str(refused.value)


def test_pictures_and_targets_that_do_not_fit_are_refused() -> None:
    network = SimpleBaselineConfig(3, ResNetConfig(18, 4), 4).build()
    with as_users_call(), pytest.raises(InputError, match="divide by 255"):
        network(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(InputError, match="multiples of 32"):
        network(torch.zeros(1, 3, 33, 32))
    output = network(torch.zeros(2, 3, 32, 32))
    points, visible = torch.zeros(2, 2, 3, 2), torch.ones(2, 2, 3, dtype=torch.bool)
    with pytest.raises(InputError, match="one person in each picture, got 2"):
        network.losses(output, Targets(points, visible))
    with pytest.raises(InputError, match="3 joints, got 2"):
        network.losses(output, Targets(points[:, :1, :2], visible[:, :1, :2]))
    with as_users_call(), pytest.raises(InputError, match="leave the last axis out"):
        Targets(points, visible[:, :1])
    deep = DeepPoseConfig(3, (64, 64), ResNetConfig(18, 4)).build()
    with pytest.raises(InputError, match="64 x 64 pixels"):
        deep(torch.zeros(1, 3, 32, 32))
