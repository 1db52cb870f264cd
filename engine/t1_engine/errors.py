"""The errors the compute core raises on purpose; anything else is a bug."""


class NumericError(ArithmeticError):
    """A loss or gradient is not finite. Parameters and optimizer are untouched."""


class SamplerGap(ArithmeticError):
    """The sampler's log-probabilities are farther from ours than allowed. Parameters and optimizer are untouched."""


class Cancelled(Exception):
    """The caller's `cancelled()` answered True. No parameter was changed."""
