"""The advantage: leave-one-out over a prompt's responses, of reward and sequence KL (recipe section 2, Eq. 4).

Legend: K responses of one prompt.
"""

from torch import Tensor


def leave_one_out(x_K: Tensor) -> Tensor:
    """x_i minus the mean of the others, float64. Sums to 0. One value has no others: ValueError."""
    k = len(x_K)
    if k < 2:
        raise ValueError(f"samples per prompt: {k}; leave-one-out needs at least 2")
    x_K = x_K.double()
    return (x_K - x_K.mean()) * (k / (k - 1))


def advantage(reward_K: Tensor, divergence_K: Tensor, beta: float, plain_kl: bool = False) -> Tensor:
    """A_i = (r'_i - mean of others) - beta * (d_i - mean of others), float64 [K]; no gradient flows through it.

    divergence: d_i, the sum over response tokens of log pi - log ref. Linear, so this is leave-one-out of
    r' - beta d. There is no division by a standard deviation. With plain_kl, d_i counts as it is: the ablation of
    Eq. 4's centring. The advantages then sum to -beta sum d, not to 0.
    """
    divergence_K = divergence_K.detach().double()
    drift_K = divergence_K if plain_kl else leave_one_out(divergence_K)
    return leave_one_out(reward_K.detach()) - beta * drift_K
