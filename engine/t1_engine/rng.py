"""Counter-based randomness: a number is a pure function of its names, never of what was drawn before.

Legend: B rows.

The hash is SplitMix64's finaliser (Steele, Lea, Flood 2014) on int64: torch multiplies modulo 2^64 and
shifts arithmetically, so logical shifts mask the sign bits off.
"""

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
_M1, _M2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def signed(x: int) -> int:
    """The int64 with the same 64 bits as the unsigned x (taken modulo 2^64)."""
    x &= (1 << 64) - 1
    return x - (1 << 64) if x >> 63 else x


def _shift(x: Tensor, n: int) -> Tensor:
    return (x >> n) & ((1 << (64 - n)) - 1)


def mix(x: Tensor) -> Tensor:
    """A bijection of 64-bit integers that scatters neighbours."""
    x = x + signed(_GOLDEN)
    x = (x ^ _shift(x, 30)) * signed(_M1)
    x = (x ^ _shift(x, 27)) * signed(_M2)
    return x ^ _shift(x, 31)


def row_keys(seed_B: list[int], sample_B: list[int]) -> Tensor:
    """[B] int64: one key a row from its prompt's seed (uint64) and its sample's index."""
    seed = torch.tensor([signed(s) for s in seed_B], dtype=torch.int64)
    return mix(mix(seed) ^ torch.tensor(sample_B, dtype=torch.int64))


def uniform(key_B: Tensor, position_B: Tensor | int, attempt: int = 0) -> Tensor:
    """[B] float64 in [0, 1), from the 53 high bits of hash(key, position), hashed once more for each attempt after
    the first."""
    bits_B = mix(mix(key_B) + position_B)
    for n in range(attempt):
        bits_B = mix(bits_B + n)
    return _shift(bits_B, 11).double() * 2.0**-53


def order(seed: int, epoch: int, count: int) -> list[int]:
    """A permutation of 0 .. count-1, a function of (seed, epoch) only."""
    key = row_keys([seed], [epoch])
    return torch.argsort(mix(key ^ mix(torch.arange(count))), stable=True).tolist()
