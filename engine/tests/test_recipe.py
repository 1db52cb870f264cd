"""The recipe's formulas against NumPy in float64, written another way, and its invariants (recipe section 5)."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from t1_engine.advantage import advantage, leave_one_out
from t1_engine.anchor import AnchorRule, move, new_anchor
from t1_engine.loss import entropy_bonus, policy_gradient, token_weights

numbers = st.floats(-50, 50, allow_nan=False)
pairs = st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 1.0]), numbers), min_size=2, max_size=20)


def tensors(values):
    r, d = zip(*values, strict=True)
    return torch.tensor(r, dtype=torch.float64), torch.tensor(d, dtype=torch.float64)


@given(pairs, st.floats(0, 0.1))
def test_advantage_is_leave_one_out_of_the_composite_reward(values, beta):
    r, d = tensors(values)
    got = advantage(r, d, beta)
    composite = [x - beta * y for x, y in values]
    want = [c - np.mean([o for j, o in enumerate(composite) if j != i]) for i, c in enumerate(composite)]
    np.testing.assert_allclose(got.numpy(), want, atol=1e-9)
    assert abs(float(got.sum())) < 1e-9


@given(pairs, numbers)
def test_a_constant_in_every_divergence_changes_nothing(values, constant):
    r, d = tensors(values)
    torch.testing.assert_close(advantage(r, d + constant, 0.01), advantage(r, d, 0.01), atol=1e-9, rtol=0)


@given(pairs, st.floats(0, 0.1))
def test_plain_kl_counts_each_divergence_as_it_is(values, beta):
    r, d = tensors(values)
    got = advantage(r, d, beta, plain_kl=True)
    want = [x - np.mean([o for j, (o, _) in enumerate(values) if j != i]) - beta * y for i, (x, y) in enumerate(values)]
    np.testing.assert_allclose(got.numpy(), want, atol=1e-9)
    assert float(got.sum()) == pytest.approx(-beta * float(d.sum()), abs=1e-9)


@given(st.lists(numbers, min_size=2, max_size=2))
def test_two_responses_are_opposites(values):
    a, b = leave_one_out(torch.tensor(values, dtype=torch.float64)).tolist()
    assert a == pytest.approx(-b) and a == pytest.approx(values[0] - values[1])


def test_one_response_is_an_error():
    with pytest.raises(ValueError, match="at least 2"):
        leave_one_out(torch.tensor([1.0]))


@given(st.integers(0, 10**6), st.sampled_from(["response", "token"]))
def test_policy_gradient_equals_the_written_formula(seed, aggregation):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 6, size=4)
    sequence = np.repeat(np.arange(4), lengths)
    new, old = rng.normal(-1, 0.5, (2, len(sequence)))
    advantages = rng.normal(0, 1, 4)
    eps, responses, tokens = 0.2, 8, 40  # this micro-batch is a part of a larger step

    per_response, clipped = [], 0
    for i in range(4):
        terms = []
        for t in np.flatnonzero(sequence == i):
            rho = math.exp(new[t] - old[t])
            plain, bound = rho * advantages[i], min(max(rho, 1 - eps), 1 + eps) * advantages[i]
            clipped += bound < plain
            terms.append(min(plain, bound))
        per_response.append(np.mean(terms) / responses if aggregation == "response" else np.sum(terms) / tokens)

    sequence_R = torch.tensor(sequence)
    weight_R = token_weights(sequence_R, torch.tensor(lengths), aggregation, responses, tokens)
    got, bound = policy_gradient(
        torch.tensor(new), torch.tensor(old), torch.tensor(advantages)[sequence_R], weight_R.double(), eps
    )
    assert float(got) == pytest.approx(-sum(per_response), rel=1e-5, abs=1e-7)
    assert int(bound) == clipped


def test_on_policy_gradient_is_reinforce():
    logprob = torch.tensor([-1.0, -2.0, -0.5], requires_grad=True)
    advantages, weights = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.1, 0.2, 0.3])
    loss, bound = policy_gradient(logprob, logprob.detach(), advantages, weights, 0.2)
    loss.backward()
    torch.testing.assert_close(logprob.grad, -advantages * weights)
    assert bound == 0


def test_entropy_bonus_is_a_share_of_the_token_mean():
    x = torch.tensor([1.0, 2.0, 3.0, 6.0])
    assert float(entropy_bonus(x[:1], 4) + entropy_bonus(x[1:], 4)) == pytest.approx(3.0)


def drift(model, n):
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            p.add_(0.01 * (n + 1) * (-1) ** i)


def test_ema_matches_its_closed_form_in_float64(tiny):
    rule = AnchorRule("ema", coefficient=0.9)
    anchor = new_anchor(tiny, rule)
    start = tiny.model.norm.weight.detach().double().clone()
    seen = []
    for n in range(30):
        drift(tiny, n)
        seen.append(tiny.model.norm.weight.detach().double().clone())
        move(anchor, tiny, rule, n + 1)
    want = 0.9**30 * start + sum(0.1 * 0.9 ** (29 - n) * s for n, s in enumerate(seen))
    torch.testing.assert_close(anchor.model.norm.weight.double(), want, atol=1e-5, rtol=1e-5)


def test_the_other_anchors(tiny):
    def same(a):
        return all(torch.equal(x, y) for x, y in zip(a.parameters(), tiny.parameters(), strict=True))

    fixed, reset = AnchorRule("fixed"), AnchorRule("reset", every=3)
    still, jumping = new_anchor(tiny, fixed), new_anchor(tiny, reset)
    assert new_anchor(tiny, AnchorRule("none")) is None
    move(None, tiny, AnchorRule("none"), 1)
    for n in (1, 2, 3, 4):
        drift(tiny, n)
        move(still, tiny, fixed, n)
        move(jumping, tiny, reset, n)
        assert not same(still) and same(jumping) == (n == 3)
    for bad in ({"kind": "emma"}, {"coefficient": 1.5}, {"kind": "reset"}):
        with pytest.raises(ValueError):
            AnchorRule(**bad)
