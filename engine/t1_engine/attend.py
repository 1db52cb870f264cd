"""Attention in parts: over some keys, with what it takes to join the result with that over others.

Legend: any leading axes, Q queries, S keys, E head width.

Softmax over all keys is the mean of the softmaxes over parts of them, weighted by the parts' sums of exponentials.
"""

import math

import torch
from torch import Tensor


def attend(q_QE: Tensor, k_SE: Tensor, v_SE: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """[..., Q, E], and [..., Q] the logarithm of the sum of the exponentials of the scores, in float32.

    q_QE, k_SE, v_SE: two leading axes. mask: added to the scores; a query must have one key at least.
    """
    if q_QE.device.type == "cpu":  # what scaled_dot_product_attention calls there; it keeps the second result to itself
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q_QE, k_SE, v_SE, attn_mask=mask)
    score_QS = (q_QE @ k_SE.transpose(-1, -2)).float() / math.sqrt(q_QE.shape[-1])
    if mask is not None:
        score_QS = score_QS + mask
    total_Q = score_QS.logsumexp(-1)
    return (score_QS - total_Q[..., None]).exp_().to(v_SE.dtype) @ v_SE, total_Q


def join(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> Tensor:
    """[..., Q, E] attention over the keys of both, from what `attend` gave over each."""
    share_Q1 = torch.sigmoid(a[1] - b[1])[..., None]  # of a's exponentials
    return torch.lerp(b[0].float(), a[0].float(), share_Q1).to(a[0].dtype)
