"""The body regressor's task: what it draws, what it is punished for, and that it can be learned."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Generator

from lift3d.body import BodyParams
from lift3d.fitting.detector_points import with_skin_points
from lift3d.geometry.rotations import axis_angle_from_rotmat
from lift3d.lifting.universal_net import UniversalConfig, UniversalNet
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.regressing.posture_net import Posture, PostureConfig, PostureNet, load_posture
from lift3d.skeletons import SMPL_24
from lift3d.training.noise import NoiseConfig
from lift3d.training.people import PosedPeople
from lift3d.training.pose_bank import RotationBank
from lift3d.training.posed_bodies import BodyFactory, PosedConfig
from lift3d.training.posture_task import (
    PostureBatch,
    PostureTask,
    Teacher,
    posture_samples,
    seen_bodies,
)
from lift3d.training.shown import ShownConfig, show
from lift3d.training.task import Task
from lift3d_body_models import DefaultBody

BODY = DefaultBody()
SITES = 24


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def bank(frames: int = 80) -> RotationBank:
    """One clip of random, not too wild rotations."""
    return RotationBank(
        SMPL_24.joints,
        0.25 * torch.randn(frames, 24, 3, generator=generator(1)),
        torch.zeros(frames, 3),
        torch.ones(frames, dtype=torch.bool),
        torch.tensor([0, frames]),
        torch.tensor([30.0], dtype=torch.float64),
        torch.ones(1, dtype=torch.float64),
        ("a",),
        ("ann",),
    )


def made(width: int = 32) -> PostureTask:
    """A small task: a random lifter, which is as hard to see through as any."""
    torch.manual_seed(2)
    factory = BodyFactory(bank(), with_skin_points(BODY), PosedConfig(size=0.0))
    lifter = UniversalNet(UniversalConfig(width=32, blocks=1)).eval()
    network = PostureNet(PostureConfig(width=width, blocks=1, dropout=0.0))
    teacher = Teacher(BODY, SITES)
    people = PosedPeople(factory)
    task = PostureTask(network, people, lifter, teacher, teacher, {}, ShownConfig())
    samples = posture_samples(task, {"ann": factory.bodies(40, 1, generator(3))}, seed=4)
    return replace(task, samples=samples)


@pytest.fixture(scope="module")
def task() -> PostureTask:
    return made()


def same(a: PostureBatch, b: PostureBatch) -> bool:
    return all(torch.equal(getattr(a, name), getattr(b, name)) for name in a.__slots__)


def test_the_teacher_moves_skin_and_points_as_the_body_model_does() -> None:
    """The same skin without the mesh; pose blend shapes, which the teacher leaves out, are some mm."""
    rotmats = torch.linalg.qr(torch.eye(3) + 0.2 * torch.randn(2, 24, 3, 3))[0]
    rotmats = rotmats * torch.linalg.det(rotmats)[..., None, None]
    betas = torch.randn(2, 10)
    turns = axis_angle_from_rotmat(rotmats)
    mesh = BODY(BodyParams(betas, turns[:, 1:], turns[:, 0], torch.zeros(2, 3)))
    points, skin = Teacher(BODY, len(mesh.vertices[0])).places(rotmats, betas)
    torch.testing.assert_close(
        points[:, :24], mesh.joints - mesh.joints[:, :1], atol=1e-4, rtol=1e-4
    )
    away = (skin - (mesh.vertices - mesh.joints[:, :1])).norm(dim=-1)
    assert away.mean() < 0.005
    assert away.quantile(0.9) < 0.015


def test_a_batch_holds_the_body_that_is_to_be_found(task: PostureTask) -> None:
    assert isinstance(task, Task)
    batch = task.draw(64, generator(5))
    assert len(batch) == 64
    identity = torch.eye(3).expand(64, 24, 3, 3)
    torch.testing.assert_close(batch.rotmats.mT @ batch.rotmats, identity, atol=1e-4, rtol=0)
    points, skin = task.teacher.places(batch.rotmats, batch.betas)
    torch.testing.assert_close(points, batch.points)
    torch.testing.assert_close(skin, batch.skin)
    assert batch.features.isfinite().all()
    assert set(batch.weights.tolist()) <= {0.0, 1.0}
    assert batch.weights.mean() > 0.5


def test_the_body_is_told_in_the_axes_that_the_lifter_looks_along(task: PostureTask) -> None:
    """Limbs of the body to be found are those of the people shown, where definitions are the body's."""
    clean = ShownConfig(noise=NoiseConfig(definition=0.0, clean=1.0), scarce=0.0, layout="found")
    bodies = task.people.factory.bodies(12, 1, generator(20))
    batch = seen_bodies(task, bodies, clean, generator(21))
    again = generator(21)
    people = task.people.people_of(bodies, again)
    shown = show(people, clean, again)
    torch.testing.assert_close(shown.target, people.joints[:, 0] @ shown.turn.mT, atol=1e-5, rtol=0)
    names = task.teacher.table.names
    for limb in (("left_knee", "left_ankle"), ("right_elbow", "right_wrist")):
        ends = [batch.points[:, names.index(name)] for name in limb]
        theirs = [shown.target[:, VOCABULARY.index(name)] for name in limb]
        torch.testing.assert_close(ends[1] - ends[0], theirs[1] - theirs[0], atol=1e-4, rtol=0)


def test_the_same_seed_gives_the_same_batch(task: PostureTask) -> None:
    first, again, other = (task.draw(16, generator(seed)) for seed in (6, 6, 7))
    assert same(first, again)
    assert not same(first, other)
    assert same(task.part(first, slice(4, 9)), first[4:9])


def test_all_that_can_be_learned_gets_a_gradient() -> None:
    task = made()
    terms = task.losses(task.network, task.draw(32, generator(8)))
    assert tuple(terms) == task.terms
    assert all(term.mean.isfinite() for term in terms.values())
    torch.stack([term.mean for term in terms.values()]).sum().backward()
    for name, parameter in task.network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


def test_spreads_teach_nothing_but_spreads() -> None:
    task = made()
    task.losses(task.network, task.draw(32, generator(8)))["spread"].mean.backward()
    taught = {name for name, p in task.network.named_parameters() if p.grad is not None}
    taught = {name for name in taught if bool((task.network.get_parameter(name).grad != 0).any())}
    assert taught == {"spread.weight", "spread.bias"}


def test_people_who_were_hardly_seen_do_not_count(task: PostureTask) -> None:
    task.network.eval()
    batch = task.draw(16, generator(9))
    weights = batch.weights.clone()
    weights[:8] = 0
    wrong = torch.where((weights > 0)[:, None, None], batch.skin, 100.0)
    spoilt = replace(batch, weights=weights, skin=wrong)
    some = task.losses(task.network, batch[8:])
    for name, term in task.losses(task.network, spoilt).items():
        torch.testing.assert_close(term.mean, some[name].mean)


def test_the_true_body_costs_nothing_but_its_spreads(task: PostureTask) -> None:
    class Knowing(PostureNet):
        def posture(self, numbers: torch.Tensor, frame: torch.Tensor) -> Posture:
            said = super().posture(numbers, frame)
            return replace(said, rotmats=batch.rotmats, betas=batch.betas)

    batch = task.draw(16, generator(10))
    knowing = replace(task, network=Knowing(PostureConfig(width=32, blocks=1)).eval())
    terms = knowing.losses(knowing.network, batch)
    for name in ("skin", "joints", "bones", "shape"):
        assert float(terms[name].mean) == pytest.approx(0, abs=2e-4)  # a tenth of a millimetre


def test_a_few_bodies_are_learned_by_heart() -> None:
    task = made(width=64)
    batch = task.draw(32, generator(11))
    optimizer = torch.optim.Adam(task.network.parameters(), lr=5e-3)
    totals: list[dict[str, float]] = []
    for _ in range(100):
        terms = task.losses(task.network, batch)
        optimizer.zero_grad()
        torch.stack([term.mean for term in terms.values()]).sum().backward()
        optimizer.step()
        totals.append({name: float(term.mean.detach()) for name, term in terms.items()})
    shares = {name: totals[-1][name] / totals[0][name] for name in totals[0]}
    assert max(shares["skin"], shares["joints"]) < 0.25
    assert shares["shape"] < 0.8
    assert shares["bones"] < 0.95  # what skin and joints do not show is learned last
    assert totals[-1]["spread"] < totals[0]["spread"]


def test_spreads_hold_two_thirds_of_the_turns_after_calibration(tmp_path: Path) -> None:
    """Half of the angles lie within the median of chi with three degrees of freedom, 1.538 spreads."""
    task = made()
    task.network.eval()
    task.network.calibration.fill_(7.0)
    path = tmp_path / "posture.safetensors"
    task.save(path)
    scores = task.finish(path)
    assert set(scores.values) == {"clean/ann", "noisy/ann"}
    best = load_posture(path)
    assert not torch.allclose(best.calibration, torch.tensor(7.0))
    ratios = []
    for batch in task.samples.values():
        with torch.no_grad():
            said = best.posture(best(batch.features), batch.frame)
        angles = axis_angle_from_rotmat(said.rotmats.mT @ batch.rotmats).norm(dim=-1)
        ratios.append((angles / said.turn_std)[batch.weights > 0])
    inside = (torch.cat(ratios) < 1.538).float().mean(0)
    assert inside.min() > 0.45
    assert inside.max() < 0.55


def test_scores_are_millimetres_of_skin(task: PostureTask) -> None:
    task.network.eval()
    scores = task.validate()
    assert scores.chosen == pytest.approx(sum(scores.values.values()) / len(scores.values))
    batch = task.samples["clean/ann"]
    with torch.no_grad():
        said = task.network.posture(task.network(batch.features), batch.frame)
    _, skin = task.teacher.places(said.rotmats, said.betas)
    off = (skin - batch.skin).norm(dim=-1).mean(1)[batch.weights > 0].mean() * 1000
    assert scores.values["clean/ann"] == pytest.approx(float(off), rel=1e-4)
