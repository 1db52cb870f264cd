"""However a step is cut into micro-batches, its gradient is the same; and the clipped ratio's is the recipe's."""

import copy
import math

import numpy as np
import pytest
import torch
from conftest import TINY, shake
from float64 import Group as Reference
from float64 import Hyper as Wanted
from float64 import Pass, Shape, State, objective
from test_exact import LIMIT, error, flat

from t1_engine.anchor import AnchorRule, new_anchor
from t1_engine.config import Config
from t1_engine.model import Model, build
from t1_engine.optimizer import BETAS, adamw
from t1_engine.plan import parts
from t1_engine.resources import Resources
from t1_engine.rollout import Group
from t1_engine.tally import UpdateResult
from t1_engine.update import Hyper, policy_update

SHAPE = Shape(layers=2, heads=4, kv_heads=2)


@pytest.fixture(scope="module", params=[True, False], ids=["tied", "untied"])
def policy(request) -> Model:
    """Weights of the size a scratch model of this width begins with (steps.py)."""
    shape = TINY | {"initializer_range": 0.02 * math.sqrt(1024 / 32), "tie_word_embeddings": request.param}
    return shake(build(Config(**shape), seed=3))


@pytest.fixture(scope="module")
def anchor(policy) -> Model:
    """Near the policy, as one is that follows it."""
    model = new_anchor(policy, AnchorRule())
    assert model is not None
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.01)
    return model


def groups(policy: Model, seed: int = 0) -> list[Group]:
    """Six prompts of 1 to 9 tokens, 2 to 5 responses of 1 to 40; the sampler's numbers are off by up to half a nat."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(6):
        prompt = rng.integers(61, size=rng.integers(1, 10)).tolist()
        responses = [rng.integers(61, size=n).tolist() for n in rng.integers(1, 41, rng.integers(2, 6))]
        rewards = rng.integers(-1, 2, len(responses)).astype(float).tolist()
        policy64 = {n: p.detach().double().numpy() for n, p in policy.named_parameters()}
        exact = [Pass(policy64, SHAPE, prompt, y).logprob_R for y in responses]
        old = [(x + rng.uniform(-0.5, 0.5, len(x))).tolist() for x in exact]
        made.append(Group(prompt, responses, rewards, old))
    return made


def gradient(
    policy: Model, anchor: Model, batch: list[Group], hyper: Hyper, micro_tokens: int = 10_000
) -> tuple[dict[str, np.ndarray], UpdateResult]:
    """The step's gradient, read from AdamW's first moments: nothing of the path is replaced."""
    model = copy.deepcopy(policy)
    optimizer = adamw(model)
    result = policy_update(model, anchor, optimizer, batch, hyper, resources=Resources(micro_tokens))
    moments = {n: optimizer.state[p]["exp_avg"].double().numpy() for n, p in model.named_parameters()}
    return {n: m / (1 - BETAS[0]) for n, m in moments.items()}, result


@pytest.mark.parametrize("aggregation", ["response", "token"])
@pytest.mark.parametrize("limit", [1, 100, 250])
def test_any_micro_batch_gives_the_same_gradient(policy, anchor, aggregation, limit):
    """One response at a time; prompts cut in two or three, and whole ones beside them; several prompts at a time."""
    batch, hyper = groups(policy), Hyper(lr=0.0, alpha=0.02, beta=0.05, grad_clip=math.inf, aggregation=aggregation)
    cut = [p.whole for p in parts([g.size for g in batch], limit)]
    assert len(cut) > 1 and (limit == 1) <= (not any(cut)) and (limit == 250) <= all(cut)
    assert limit != 100 or 0 < sum(cut) < len(cut)
    runs = [gradient(policy, anchor, batch, hyper, size) for size in (10_000, limit)]
    (want, first), (grad, result) = runs
    for name, g in want.items():
        assert error(grad[name], g) <= LIMIT, name
    assert error(result.advantage, first.advantage) <= LIMIT and error(result.divergence, first.divergence) <= LIMIT


@pytest.mark.parametrize("aggregation", ["response", "token"])
def test_the_clipped_ratio_is_the_recipe(policy, anchor, aggregation):
    """Against the sampler's numbers the ratio is not 1, and the clip binds for some tokens."""
    batch = groups(policy, seed=1)
    hyper = Hyper(lr=0.0, alpha=0.02, beta=0.05, grad_clip=math.inf, aggregation=aggregation, ratio="sampler")
    grad, result = gradient(policy, anchor, batch, hyper)
    tensors = [{n: p.detach().double().numpy() for n, p in m.named_parameters()} for m in (policy, anchor)]
    asked = Wanted(lr=0.0, alpha=0.02, beta=0.05, aggregation=aggregation)
    named = [Reference(g.prompt, g.responses, g.rewards, g.sampler_logprobs) for g in batch]
    want = objective(State(SHAPE, *tensors), named, asked)
    tokens = sum(len(y) for g in batch for y in g.responses)
    assert 0 < want.clipped == round(result.metrics["clip_fraction"] * tokens) < tokens
    assert error(result.metrics["pg_loss"], want.pg_loss) <= LIMIT
    assert error(result.divergence, want.d) <= LIMIT
    for name, g in want.grad.items():
        assert error(grad[name], g) <= LIMIT, name
    assert error(flat(grad), flat(want.grad)) <= LIMIT
