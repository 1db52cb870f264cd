"""What a step computes with, as the spec's `resources` say. Fixed for the life of the process."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Resources:
    """The default is what two cores want."""

    micro_tokens: int = 4096  # packed tokens of one forward and backward pass, at least 1; a longer response is not cut
    recompute: bool = False  # keep only each layer's input for the backward pass and compute the rest again: same bits

    def __post_init__(self) -> None:
        if self.micro_tokens < 1:
            raise ValueError(f"micro_tokens: {self.micro_tokens}; at least 1")
