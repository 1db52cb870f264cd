"""The policy loss: clipped policy gradient minus an exact entropy bonus (recipe section 2, Eq. 3).

Legend: R response tokens of a micro-batch, B responses.

Each function returns a micro-batch's *share* of the loss: weights divide by the whole step's responses and tokens, so
the shares of all micro-batches add up to the loss, and their gradients to its gradient.
"""

from typing import Literal

import torch
from torch import Tensor

Aggregation = Literal["response", "token"]


def token_weights(
    sequence_R: Tensor, length_B: Tensor, aggregation: Aggregation, responses: int, tokens: int
) -> Tensor:
    """[R] weight of each token's term.

    response: token mean inside a response, then the mean over the step's responses: 1 / (length * responses).
    token: the mean over all the step's response tokens: 1 / tokens. Long responses then count for more.
    """
    if aggregation == "token":
        return torch.full((len(sequence_R),), 1.0 / tokens)
    if aggregation != "response":
        raise ValueError(f"aggregation: {aggregation!r}; allowed: response, token")
    return (1.0 / (length_B.double() * responses))[sequence_R].float()


def policy_gradient(
    logprob_R: Tensor, old_R: Tensor, advantage_R: Tensor, weight_R: Tensor, clip: float
) -> tuple[Tensor, Tensor]:
    """-sum_t w_t min(rho_t A_t, clip(rho_t, 1 - clip, 1 + clip) A_t), and the share of tokens where the clip binds.

    rho = exp(logprob - old). On-policy, old is logprob itself, detached: rho is 1 and the gradient is REINFORCE's.
    """
    ratio_R = (logprob_R - old_R).exp()
    plain_R = ratio_R * advantage_R
    clipped_R = ratio_R.clamp(1 - clip, 1 + clip) * advantage_R
    bound = (clipped_R < plain_R).sum()
    return -(weight_R * torch.minimum(plain_R, clipped_R)).sum(), bound


def entropy_bonus(entropy_R: Tensor, tokens: int) -> Tensor:
    """Mean over the step's response tokens of the exact entropy, in nats: this micro-batch's share."""
    return entropy_R.sum() / tokens
