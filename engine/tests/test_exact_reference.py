"""The float64 reference is itself held to finite differences: what measures must be right first."""

import numpy as np
import pytest
from float64 import EMBED, HEAD, Group, Hyper, Pass, Shape, State, objective

SHAPE = Shape(layers=2, heads=4, kv_heads=2)
V, D, F, E = 13, 12, 20, 4


def weights(rng: np.random.Generator, tied: bool) -> dict[str, np.ndarray]:
    w = {EMBED: rng.normal(0, 0.5, (V, D)), "model.norm.weight": rng.normal(1, 0.3, D)}
    if not tied:
        w[HEAD] = rng.normal(0, 0.5, (V, D))
    for n in range(SHAPE.layers):
        sizes = {"q": (4 * E, D), "k": (2 * E, D), "v": (2 * E, D), "o": (D, 4 * E)}
        w |= {f"model.layers.{n}.self_attn.{c}_proj.weight": rng.normal(0, 0.4, s) for c, s in sizes.items()}
        sizes = {"gate": (F, D), "up": (F, D), "down": (D, F)}
        w |= {f"model.layers.{n}.mlp.{c}_proj.weight": rng.normal(0, 0.4, s) for c, s in sizes.items()}
        for c in ("input", "post_attention"):
            w[f"model.layers.{n}.{c}_layernorm.weight"] = rng.normal(1, 0.3, D)
    return w


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("aggregation", ["response", "token"])
def test_hand_derived_gradient_equals_finite_differences(tied, aggregation):
    rng = np.random.default_rng(1)
    groups = [
        Group(
            rng.integers(V, size=p).tolist(),
            [rng.integers(V, size=n).tolist() for n in lengths],
            rng.integers(-1, 2, len(lengths)).astype(float).tolist(),
        )
        for p, lengths in ((3, (4, 6, 1)), (1, (5, 2)))
    ]
    state = State(SHAPE, weights(rng, tied), weights(rng, tied))
    # The ratio is taken to fixed numbers near the policy's, else L_PG is constant; beta 0, for d has no gradient.
    near = [Group(g.prompt, g.responses, g.rewards, jitter(state, g, rng)) for g in groups]
    hyper = Hyper(lr=0.0, alpha=0.3, beta=0.0, aggregation=aggregation)
    numbers = objective(state, near, hyper)
    assert 0 < numbers.clipped < 18
    for name, p in list(state.policy.items()):
        direction, step = rng.normal(size=p.shape), 1e-6
        ends = []
        for sign in (1, -1):
            state.policy[name] = p + sign * step * direction
            ends.append(objective(state, near, hyper).loss)
        state.policy[name] = p
        slope = (ends[0] - ends[1]) / (2 * step)
        assert np.sum(numbers.grad[name] * direction) == pytest.approx(slope, rel=1e-6, abs=1e-8), name


def jitter(state: State, g: Group, rng: np.random.Generator) -> list[list[float]]:
    return [
        (p.logprob_R + rng.normal(0, 0.2, len(y))).tolist()
        for y in g.responses
        for p in [Pass(state.policy, state.shape, g.prompt, y)]
    ]
