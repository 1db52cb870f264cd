"""What a step computes with, as the spec's `resources` say. Fixed for the life of the process."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Resources:
    """The default is what two cores want.

    All but `recompute` are part of the environment fingerprint: other values, other bits.
    """

    micro_tokens: int = 4096  # packed tokens of one forward and backward pass, at least 1; a longer response is not cut
    recompute: bool = False  # keep only each layer's input for the backward pass and compute the rest again: same bits
    precision: str = "float32"  # of the passes; masters, optimizer and anchor are float32 always (precision.py)
    # Optimizer and anchor in the machine's memory but for the time they are used. On a CPU there is nowhere else; the
    # same copies are made all the same, to the same bits.
    offload: bool = False

    def __post_init__(self) -> None:
        if self.micro_tokens < 1:
            raise ValueError(f"micro_tokens: {self.micro_tokens}; at least 1")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision: {self.precision!r}; {' or '.join(PRECISIONS)}")

    @property
    def dtype(self) -> "torch.dtype":
        import torch  # not above: the command line is read before torch may be loaded

        return getattr(torch, self.precision)

    @property
    def device(self) -> "torch.device":
        """Where this process computes."""
        from t1_engine import group

        return group.device()
