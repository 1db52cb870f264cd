"""Attention in parts is attention over the whole, on a CPU's kernel and on the one of other devices."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from t1_engine.attend import attend, join


class Elsewhere(Tensor):
    """A tensor that says it is on another device: what attend does there is computed here."""

    @property
    def device(self):  # pyright: ignore[reportIncompatibleVariableOverride]
        return torch.device("meta")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_parts_join_to_the_whole(elsewhere):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 5, 8), torch.randn(3, 2, 40, 8), torch.randn(3, 2, 40, 8)
    late = torch.arange(30) >= torch.tensor([30, 7, 1])[:, None, None, None]
    mask = torch.zeros(3, 1, 1, 30).masked_fill_(late, float("-inf"))
    if elsewhere:
        q = q.as_subclass(Elsewhere)
    first, second = attend(q, k[..., :30, :], v[..., :30, :], mask), attend(q, k[..., 30:, :], v[..., 30:, :])
    whole = F.scaled_dot_product_attention(q.as_subclass(Tensor), k, v, F.pad(mask, (0, 10)).expand(3, 1, 5, 40))
    torch.testing.assert_close(join(first, second).as_subclass(Tensor), whole, atol=1e-6, rtol=1e-5)
