import numpy as np
import torch
from trimmed import Trim

from harness.testing.contract import MethodContract
from methods.parts.round import Round


class TestTrimmed(MethodContract):
    method = "trimmed"


def test_the_farthest_of_each_cluster_go():
    angle = torch.tensor([0.0, 0.1, 0.2, 0.9, 2.0, 2.1])
    features = torch.stack([angle.cos(), angle.sin()], dim=1)
    before = Round(0, features, np.array([0, 0, 0, 0, 1, -1]), 2, None, features)
    after = Trim(0.25)(before, None, None)  # pyright: ignore[reportArgumentType]
    assert after.labels.tolist() == [0, 0, 0, -1, 1, -1] and after.metrics["trimmed"] == 1
