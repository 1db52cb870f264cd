"""Log-probability and entropy: against plain autograd, at the limits, and in memory."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from t1_engine import logprob as module
from t1_engine.logprob import token_logprob


def test_values_and_gradients_equal_plain_autograd(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    R, D, V = 23, 7, 31
    hidden = torch.randn(R, D, generator=generator, dtype=torch.float64)
    head = torch.randn(V, D, generator=generator, dtype=torch.float64)
    target = torch.randint(V, (R,), generator=generator)
    g_logprob, g_entropy = torch.randn(2, R, generator=generator, dtype=torch.float64)
    monkeypatch.setattr(module, "CELLS", 5 * V)  # several chunks, the last one short

    grads = []
    for plain in (True, False):
        h, w = (x.clone().to(torch.float64 if plain else torch.float32).requires_grad_() for x in (hidden, head))
        if plain:
            p = torch.softmax(h @ w.T, -1)
            lp, entropy = p.log().gather(1, target[:, None])[:, 0], torch.distributions.Categorical(probs=p).entropy()
        else:
            lp, entropy = token_logprob(h, w, target)
        ((lp * g_logprob.to(lp.dtype)).sum() + (entropy * g_entropy.to(lp.dtype)).sum()).backward()
        grads.append((lp.detach().double(), entropy.detach().double(), h.grad.double(), w.grad.double()))
    for want, got in zip(*grads, strict=True):
        torch.testing.assert_close(got, want, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("vocabulary", [2, 115, 5000])
def test_flat_logits_have_the_entropy_of_the_uniform_distribution(vocabulary):
    _, entropy = token_logprob(torch.zeros(3, 4), torch.ones(vocabulary, 4), torch.tensor([0, 1, 0]))
    assert entropy.tolist() == pytest.approx([math.log(vocabulary)] * 3, abs=1e-5)


def test_a_certain_token_has_no_entropy_and_finite_gradients():
    hidden = torch.full((2, 1), 1e4, requires_grad=True)
    lp, entropy = token_logprob(hidden, torch.tensor([[1.0], [0.0], [-1.0]]), torch.tensor([0, 0]))
    (lp.sum() + entropy.sum()).backward()
    assert lp.tolist() == [0, 0] and entropy.tolist() == [0, 0] and hidden.grad.isfinite().all()


MEASURE = """
import resource, sys, torch
sys.path.insert(0, sys.argv[1])
from t1_engine.logprob import token_logprob
torch.set_num_threads(1)
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def run(R):
    hidden = torch.randn(R, 8).requires_grad_()
    lp, entropy = token_logprob(hidden, head, torch.arange(R))
    (lp.sum() + entropy.sum()).backward()
head = torch.randn(150_000, 8).requires_grad_()
for _ in range(8): run(256)  # as many chunks as below: what the allocator keeps apart, it has by now
small = peak(); run(2048); print(peak() - small)
"""


def test_memory_does_not_grow_with_tokens_times_vocabulary():
    """2,048 tokens x 150,000 words are 1,172 MiB of logits; going there from 256 tokens must cost nearly nothing."""
    root = str(Path(__file__).parent.parent)
    grown = float(
        subprocess.run([sys.executable, "-c", MEASURE, root], check=True, capture_output=True, text=True).stdout
    )
    assert grown < 60, f"peak memory grew by {grown:.0f} MiB"
