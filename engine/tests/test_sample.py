"""Sampling: whose randomness, which distribution, which log-probability."""

import pytest
import torch

from t1_engine.batch import Tokens, pack
from t1_engine.errors import Cancelled
from t1_engine.logprob import token_logprob
from t1_engine.rng import row_keys, uniform
from t1_engine.sample import Prompt, Response, Sampling, draw, generate, nucleus

EOS = 7
PROMPTS = [Prompt([3, 4, 5], 11, 6), Prompt([9], 2**64 - 1, 5), Prompt([8, 2, 30, 31, 32], 13, 7)]


def run(model, prompts, sampling, **options) -> dict[tuple[int, int], Response]:
    found: dict[tuple[int, int], Response] = {}

    def keep(r: Response) -> None:
        assert (r.prompt, r.sample) not in found
        found[r.prompt, r.sample] = r

    generate(model, prompts, sampling, EOS, keep, **options)
    return found


def test_every_sample_is_reported_once_and_ends_properly(tiny):
    found = run(tiny, PROMPTS, Sampling(1.2, 0.95, 40))
    assert set(found) == {(i, k) for i, p in enumerate(PROMPTS) for k in range(p.samples)}
    for r in found.values():
        assert len(r.tokens) == len(r.logprobs)
        assert EOS not in r.tokens[:-1]
        assert (r.finish == "stop") == (r.tokens[-1] == EOS)
        assert r.finish == "stop" or len(r.tokens) == 40
    assert {r.finish for r in found.values()} == {"stop", "length"}


def test_the_batch_does_not_matter(tiny):
    sampling = Sampling(1.2, 0.95, 24)
    together = run(tiny, PROMPTS, sampling)
    waves = run(tiny, PROMPTS, sampling, rows=4)
    alone = {(1, k): run(tiny, [Prompt([9], 2**64 - 1, 1, first_sample=k)], sampling)[0, k] for k in range(5)}
    for at, r in together.items():
        assert waves[at].tokens == r.tokens
        if at in alone:
            assert alone[at].tokens == r.tokens
    assert len({tuple(r.tokens) for r in together.values()}) == len(together)


@pytest.mark.parametrize("sampling", [Sampling(1.2, 0.95, 30), Sampling(0.0, 1.0, 30), Sampling(1.0, 1.0, 30)])
def test_logprobs_are_the_trainers(tiny, sampling):
    for (i, _), r in run(tiny, PROMPTS, sampling).items():
        packed = pack([Tokens(PROMPTS[i].tokens, r.tokens)])
        with torch.no_grad():
            want, _ = token_logprob(tiny(packed)[packed.predict_R], tiny.head_VD, packed.target_R)
        torch.testing.assert_close(torch.tensor(r.logprobs), want, atol=1e-4, rtol=0)


def test_greedy_takes_the_most_probable(tiny):
    for (i, _), r in run(tiny, PROMPTS, Sampling(0.0, 1.0, 12)).items():
        packed = pack([Tokens(PROMPTS[i].tokens, r.tokens)])
        with torch.no_grad():
            logits = tiny(packed)[packed.predict_R] @ tiny.head_VD.T
        chosen = logits.gather(1, packed.target_R[:, None])[:, 0]
        assert (logits.max(-1).values - chosen).max() < 1e-4


def test_the_nucleus_is_the_smallest_that_reaches_top_p():
    logits = torch.randn(50, 200, generator=torch.Generator().manual_seed(1)) * torch.linspace(0, 4, 50)[:, None]
    prob = torch.softmax(logits, -1)
    for top_p in (0.1, 0.5, 0.95, 0.999):
        kept, token, whole = nucleus(prob, top_p, 200)
        assert whole.all()
        for row in range(50):
            size = int((kept[row] > 0).sum())
            mass = prob[row].sort(descending=True).values.double().cumsum(0)
            assert mass[size - 1] >= top_p - 1e-6 and (size == 1 or mass[size - 2] < top_p + 1e-6)
            assert torch.equal(prob[row][token[row, :size]], kept[row, :size])


def test_a_row_gets_the_candidates_it_needs_whatever_its_neighbours():
    """Rows whose nuclei have from one to thousands of tokens: together, alone, and sorted whole by hand."""
    logits = torch.randn(40, 5000, generator=torch.Generator().manual_seed(2)) * torch.linspace(0.5, 6, 40)[:, None]
    u = torch.rand(40, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    together, _ = draw(logits, u, Sampling(1.0, 0.95, 1))
    prob, token = torch.softmax(logits, -1).sort(-1, descending=True)
    before = prob.double().cumsum(-1) - prob
    sizes = (before < 0.95).sum(-1)
    assert sizes.min() < 64 < 1024 < sizes.max()
    for row in range(40):
        alone, _ = draw(logits[row : row + 1], u[row : row + 1], Sampling(1.0, 0.95, 1))
        cdf = prob[row, : sizes[row]].cumsum(0, dtype=torch.float64)
        assert alone == together[row] == token[row][int((cdf <= u[row] * cdf[-1]).sum())]


def test_draws_follow_the_truncated_distribution():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).expand(40_000, 4)
    u = uniform(row_keys([5], [0]).expand(40_000), torch.arange(40_000))
    token, logprob = draw(logits, u, Sampling(1.0, 0.9, 1))
    share = torch.bincount(token, minlength=4) / 40_000
    torch.testing.assert_close(share, torch.tensor([0.5, 0.3, 0.15, 0.0]) / 0.95, atol=0.01, rtol=0)
    torch.testing.assert_close(logprob, logits[0][token], atol=1e-5, rtol=0)  # untruncated
    token, _ = draw(logits, u, Sampling(2.0, 1.0, 1))
    want = torch.softmax(logits[0] / 2, -1)
    torch.testing.assert_close(torch.bincount(token, minlength=4) / 40_000, want, atol=0.01, rtol=0)


def test_a_uniform_at_the_end_of_its_range_stays_in_the_nucleus():
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.05, 0.15, 0.3, 0.5]]))
    u = torch.tensor([1 - 2**-53, 0.0], dtype=torch.float64)
    assert draw(logits, u, Sampling(1.0, 0.75, 1))[0].tolist() == [1, 3]


def test_uniforms_are_pinned_and_uniform():
    """SplitMix64 from state 0 begins with 0xE220A8397B1DCDAF: its finaliser applied to the counter."""
    from t1_engine.rng import mix, signed

    assert int(mix(torch.tensor([0]))) == signed(0xE220A8397B1DCDAF)
    u = uniform(row_keys([1], [2]).expand(100_000), torch.arange(100_000))
    assert float(u.min()) >= 0 and float(u.max()) < 1
    assert float(u.mean()) == pytest.approx(0.5, abs=0.005) and float(u.var()) == pytest.approx(1 / 12, abs=0.002)


def test_cancelling_stops_between_tokens(tiny):
    calls = iter([False, False, True])
    with pytest.raises(Cancelled):
        run(tiny, PROMPTS, Sampling(1.0, 1.0, 30), cancelled=lambda: next(calls))


def test_limits_are_refused(tiny):
    with pytest.raises(ValueError, match="max_position_embeddings"):
        run(tiny, PROMPTS, Sampling(1.0, 1.0, 256))
    for bad in ({"temperature": -1.0}, {"top_p": 0.0}, {"max_tokens": 0}):
        with pytest.raises(ValueError):
            Sampling(**bad)
