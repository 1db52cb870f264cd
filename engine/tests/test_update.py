"""The whole step: against plain autograd, its refusals, and its bits."""

import copy
import hashlib
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from t1_engine.anchor import AnchorRule, new_anchor
from t1_engine.batch import Tokens
from t1_engine.errors import Cancelled, NumericError
from t1_engine.finetune import sft_step
from t1_engine.optimizer import adamw
from t1_engine.resources import Resources
from t1_engine.rollout import Group
from t1_engine.update import Hyper, policy_update


def make_groups(seed: int = 0) -> list[Group]:
    generator = torch.Generator().manual_seed(seed)

    def ids(n: int) -> list[int]:
        return torch.randint(61, (n,), generator=generator).tolist()

    groups = []
    for prompt_length, lengths in ((3, (5, 9, 1)), (6, (12, 4)), (2, (7, 7, 30, 8))):
        responses = [ids(n) for n in lengths]
        rewards = [float(i % 3 - 1) for i in range(len(lengths))]
        groups.append(Group(ids(prompt_length), responses, rewards, [[-4.0] * n for n in lengths]))
    return groups


def digest(model) -> str:
    return hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()


def moved(model):
    other = copy.deepcopy(model)
    with torch.no_grad():
        for p in other.parameters():
            p.mul_(1.02)
    return other


@pytest.mark.parametrize("aggregation", ["response", "token"])
@pytest.mark.parametrize("micro", [1, 60, 10_000])
@pytest.mark.parametrize("plain_kl", [False, True])
def test_gradient_equals_the_recipe_written_plainly(tiny, monkeypatch, aggregation, micro, plain_kl):
    """One prompt at a time, one response at a time, dense softmax, textbook sums."""
    groups = make_groups()
    hyper = Hyper(lr=0.0, alpha=0.05, beta=0.02, plain_kl=plain_kl, aggregation=aggregation, grad_clip=math.inf)
    plain, anchor = copy.deepcopy(tiny), moved(tiny)
    responses = sum(len(g.responses) for g in groups)
    tokens = sum(len(y) for g in groups for y in g.responses)

    def logp(model, g, y):
        from t1_engine.batch import pack

        packed = pack([Tokens(g.prompt, y)])
        return torch.log_softmax(model(packed)[packed.predict_R] @ model.head_VD.T, -1)

    loss, d_all, a_all = 0.0, [], []
    for g in groups:
        rows = [logp(plain, g, y) for y in g.responses]
        at = [r.gather(1, torch.tensor(y)[:, None])[:, 0] for r, y in zip(rows, g.responses, strict=True)]
        refs = [logp(anchor, g, y).gather(1, torch.tensor(y)[:, None])[:, 0] for y in g.responses]
        d = [float((x - r).detach().sum()) for x, r in zip(at, refs, strict=True)]
        composite = [r - (0 if plain_kl else hyper.beta * x) for r, x in zip(g.rewards, d, strict=True)]
        k = len(d)
        for i in range(k):
            a = composite[i] - (sum(composite) - composite[i]) / (k - 1)
            a -= hyper.beta * d[i] if plain_kl else 0
            a_all.append(a)
            per_token = at[i] * a
            loss -= per_token.mean() / responses if aggregation == "response" else per_token.sum() / tokens
            loss += hyper.alpha * (rows[i].exp() * rows[i]).sum() / tokens
        d_all += d
    loss.backward()

    seen = {}
    policy = copy.deepcopy(tiny)
    monkeypatch.setattr(
        "t1_engine.update.take_step",
        lambda m, *_: seen.update({n: p.grad.clone() for n, p in m.named_parameters()}) or 0.0,
    )
    result = policy_update(policy, anchor, adamw(policy), groups, hyper, resources=Resources(micro))
    assert result.divergence == pytest.approx(d_all, abs=1e-3)
    assert result.advantage == pytest.approx(a_all, abs=1e-4)
    for name, p in plain.named_parameters():
        assert (seen[name] - p.grad).abs().max() <= 1e-4 * p.grad.abs().max() + 1e-9, name


def test_without_an_anchor_nothing_diverges(tiny):
    result = policy_update(tiny, None, adamw(tiny), make_groups(), Hyper(lr=1e-3))
    assert set(result.divergence) == {0.0} and result.metrics["kl"] == 0.0
    assert result.metrics["padding"] <= 0.1 and result.metrics["clip_fraction"] == 0.0


def test_good_responses_become_more_probable(tiny):
    optimizer, groups = adamw(tiny, weight_decay=0.0), make_groups()
    before = policy_update(tiny, None, optimizer, groups, Hyper(lr=3e-3)).mean_logprob
    for _ in range(5):
        after = policy_update(tiny, None, optimizer, groups, Hyper(lr=3e-3)).mean_logprob
    change = torch.tensor(after) - torch.tensor(before)
    rewards = torch.tensor([r for g in groups for r in g.rewards])
    assert change[rewards == 1].min() > change[rewards == -1].max()


def test_the_ratio_to_the_sampler_clips(tiny):
    result = policy_update(tiny, None, adamw(tiny), make_groups(), Hyper(lr=0.0, ratio="sampler"))
    assert 0 < result.metrics["clip_fraction"] < 1
    assert result.metrics["sampler_gap_max"] >= result.metrics["sampler_gap_mean"] > 0


@pytest.mark.parametrize("poison", ["reward", "weight"])
def test_a_number_that_is_not_finite_changes_nothing(tiny, poison):
    groups = make_groups()
    if poison == "reward":
        groups[1] = Group(groups[1].prompt, groups[1].responses, [math.nan, 0.0], groups[1].sampler_logprobs)
    else:
        with torch.no_grad():
            tiny.model.norm.weight[0] = math.inf
    before, optimizer = digest(tiny), adamw(tiny)
    with pytest.raises(NumericError):
        policy_update(tiny, None, optimizer, groups, Hyper(lr=1e-3))
    assert digest(tiny) == before and not optimizer.state and all(p.grad is None for p in tiny.parameters())


@pytest.mark.parametrize("anchored", [False, True])
def test_cancelling_changes_nothing(tiny, anchored):
    """In the first pass, and in every later one."""
    anchor = moved(tiny) if anchored else None
    passes = 3 if anchored else 1
    for at in range(9 * passes):
        before, optimizer = digest(tiny), adamw(tiny)
        assert cancel_at(at, tiny, anchor, optimizer) == [(n, 9 * passes) for n in range(1, at + 1)]
        assert digest(tiny) == before and not optimizer.state and all(p.grad is None for p in tiny.parameters())


def cancel_at(at: int, policy, anchor, optimizer) -> list[tuple[int, int]]:
    """Cancels after so many micro-batches of one response; answers the progress heard."""
    answers, seen = iter([False] * at + [True]), []
    with pytest.raises(Cancelled):
        policy_update(
            policy, anchor, optimizer, make_groups(), Hyper(lr=1e-3), lambda done, total, _: seen.append((done, total)),
            lambda: next(answers), Resources(1),
        )  # fmt: skip
    return seen


def test_bad_groups_are_named(tiny):
    one = Group([1], [[2]], [1.0], [[-1.0]])
    short = Group([1], [[2], [3, 4]], [1.0, 0.0], [[-1.0], [-1.0]])
    for groups, named in (([], "no groups"), ([one], "at least 2"), ([short], "group 0, response 1")):
        with pytest.raises(ValueError, match=named):
            policy_update(tiny, None, adamw(tiny), groups, Hyper(lr=1e-3))


def test_fine_tuning_learns_the_response_only(tiny):
    sequences = [Tokens([i, 1], [i, i + 1, 2]) for i in range(3, 30)]
    optimizer = adamw(tiny)
    losses = [sft_step(tiny, optimizer, sequences, 3e-3).loss for _ in range(60)]
    assert losses[-1] < 0.1 * losses[0]
    with pytest.raises(ValueError, match="no response tokens"):
        sft_step(tiny, optimizer, [Tokens([1, 2], [])], 1e-3)


def train_and_digest() -> str:
    from conftest import TINY

    from t1_engine.config import Config
    from t1_engine.model import build

    model = build(Config(**TINY, tie_word_embeddings=True), seed=3)
    optimizer, anchor = adamw(model), new_anchor(model, AnchorRule())
    for seed in range(3):
        sft_step(model, optimizer, [Tokens(g.prompt, y) for g in make_groups(seed) for y in g.responses], 1e-3)
        policy_update(model, anchor, optimizer, make_groups(seed), Hyper(lr=1e-3))
    return digest(model)


def test_another_process_computes_the_same_bits():
    here = Path(__file__).parent
    script = "import conftest, test_update; print(test_update.train_and_digest())"
    pair = [subprocess.Popen([sys.executable, "-c", script], cwd=here, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    runs = [process.communicate(timeout=300)[0] for process in pair]
    assert runs[0] == runs[1] == train_and_digest() + "\n"
