"""Sampling: whose randomness, which distribution, which log-probability."""

import pytest
import torch

from t1_engine.batch import Tokens, pack
from t1_engine.errors import Cancelled
from t1_engine.logprob import token_logprob
from t1_engine.rng import row_keys, uniform
from t1_engine.sample import BLOCK, Prompt, Response, Sampling, draw, generate, in_nucleus, masses, pick

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


def nuclei(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """[B, V] 1 for the fewest most probable tokens that hold top_p: sorted whole, in float64."""
    prob, token = torch.softmax(logits.double(), -1).sort(-1, descending=True)
    inside = (prob.cumsum(-1) - prob < top_p).double()
    return torch.zeros_like(inside).scatter(1, token, inside)


def spread(rows: int, vocabulary: int, seed: int) -> torch.Tensor:
    """Logits of rows that are almost flat, almost certain, and all between."""
    logits = torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed))
    return logits * torch.linspace(0.5, 6, rows)[:, None]


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.95, 0.999])
def test_the_nucleus_is_the_smallest_that_reaches_top_p(top_p):
    logits = spread(50, 200, 1)
    weight = (logits - 3).exp()  # need not sum to one
    enough = top_p * weight.sum(-1)
    inside = torch.stack([in_nucleus(weight, torch.full((50,), token), enough) for token in range(200)], 1)
    assert torch.equal(inside.double(), nuclei(logits, top_p))


def test_equally_probable_tokens_share_their_fate():
    weight = torch.tensor([[4.0, 3.0, 3.0, 0.5]])
    inside = [bool(in_nucleus(weight, torch.tensor([token]), 0.5 * weight.sum(-1))) for token in range(4)]
    assert inside == [True, True, True, False]


def test_a_row_draws_alike_whatever_its_neighbours():
    """Rows whose nuclei have from one to thousands of tokens: together, and alone."""
    logits, keys = spread(40, 5000, 2), row_keys([3] * 40, list(range(40)))
    sampling = Sampling(1.0, 0.95, 1)
    inside, weight = nuclei(logits, 0.95), torch.softmax(logits, -1)
    assert inside.sum(-1).min() < 64 and inside.sum(-1).max() > 1024
    tries = 0
    for position in range(20):
        together, _ = draw(logits, keys, position, sampling)
        assert inside.gather(1, together[:, None]).all()
        for row in range(40):
            alone, _ = draw(logits[row : row + 1], keys[row : row + 1], position, sampling)
            assert alone == together[row]
        tries += int((together != pick(weight, masses(weight), uniform(keys, position))).sum())
    assert tries > 10  # some rows had to draw again


@pytest.mark.parametrize("vocabulary", [4, 200, BLOCK, 3 * BLOCK - 7])
def test_draws_follow_the_truncated_distribution(vocabulary):
    count = 60_000
    logits = torch.randn(1, vocabulary, generator=torch.Generator().manual_seed(vocabulary))
    keys = row_keys([5] * count, list(range(count)))
    for sampling in (Sampling(1.0, 0.8, 1), Sampling(2.0, 1.0, 1)):
        found = torch.zeros(vocabulary)
        for part in keys.split(20_000):
            token, logprob = draw(logits.expand(len(part), -1), part, 9, sampling)
            found += torch.bincount(token, minlength=vocabulary)
        torch.testing.assert_close(logprob, torch.log_softmax(logits[0], -1)[token])  # untruncated, at temperature 1
        scaled = logits / sampling.temperature
        want = torch.softmax(scaled.double(), -1)[0] * nuclei(scaled, sampling.top_p)[0]
        want *= count / want.sum()
        assert (found[want == 0] == 0).all()
        found, want = found[want > 0], want[want > 0]
        chi_squared, freedom = float(((found - want) ** 2 / want).sum()), max(1, len(want) - 1)
        assert abs(chi_squared - freedom) < 5 * (2 * freedom) ** 0.5 + 5


def test_a_uniform_at_the_end_of_its_range_picks_what_has_weight():
    ends = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    for vocabulary in (4, 3 * BLOCK + 1):
        weight = torch.zeros(2, vocabulary)
        weight[:, vocabulary // 3] = 1e-30
        weight[:, vocabulary // 2] = 0.7
        assert pick(weight, masses(weight), ends).tolist() == [vocabulary // 3, vocabulary // 2]


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_row_that_is_not_finite_ends_and_is_seen(broken):
    logits = torch.zeros(2, 10)
    logits[1, 3] = broken
    token, logprob = draw(logits, row_keys([1, 1], [0, 1]), 0, Sampling(1.2, 0.95, 1))
    assert 0 <= int(token[1]) < 10
    assert torch.isfinite(logprob[0]) and not torch.isfinite(logprob[1])


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
