"""Each network learns twenty pictures by heart: its layers, targets, losses and decoder fit together."""

import pytest
import torch

from lift3d.networks import PersonNetwork
from lift3d.training.keypoint_task import keypoint_error
from lift3d.training.person_pictures import PersonPictures
from tests.networks.scenes import BLOBS, people_pictures
from tests.networks.tiny import TINY


@pytest.mark.parametrize("name", TINY)
def test_twenty_pictures_by_heart(name: str) -> None:
    config, steps, rate, within = TINY[name]
    network = config.build()
    pictures, targets = people_pictures(20, 1 if isinstance(network, PersonNetwork) else 2)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.2)
    for _ in range(steps):
        terms = network.losses(network(pictures), targets)
        assert tuple(terms) == network.terms
        loss = torch.stack([term.mean for term in terms.values()]).sum()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    network.eval()
    whole = PersonPictures((pictures * 255).round().byte(), targets, BLOBS)
    assert keypoint_error(network, whole) < within
