"""Probes of a policy that no process holds whole: the sampler's answers, found with a unit's weights at a time."""

import weakref

import pytest
import torch
from conftest import shake

from t1_engine.errors import Cancelled
from t1_engine.gathered import units
from t1_engine.model import Model, build
from t1_engine.probe import LENGTH, sampled, settled

PROMPTS = [[3, 4, 5], [9], [7, 8, 2, 2, 40, 11, 30, 6]]  # of several lengths: attention has padding
NOTHING = [[0] * LENGTH] * 3


@pytest.fixture
def policy(config) -> Model:
    return shake(build(config, seed=3))


class Divided:
    """Stands for a policy over several processes: hands out copies, and knows which are still held."""

    def __init__(self, policy: Model) -> None:
        self.policy = policy
        self.held: list[tuple[str, weakref.ref]] = []
        self.asked: list[str] = []
        self.together: set[frozenset[str]] = set()  # names that were held at one time

    def __call__(self, name: str) -> torch.Tensor:
        tensor = self.policy.get_parameter(name).detach().clone()
        self.held = [(n, t) for n, t in self.held if t() is not None] + [(name, weakref.ref(tensor.untyped_storage()))]
        self.asked.append(name)
        self.together.add(frozenset(n for n, _ in self.held))
        return tensor


def test_the_answers_are_the_samplers(policy):
    want = sampled(policy, PROMPTS)
    got = settled(policy.config, Divided(policy), PROMPTS, NOTHING)
    assert [a.tokens for a in got] == [a.tokens for a in want]
    assert {len(a.tokens) for a in got} == {LENGTH} and len({tuple(a.tokens) for a in got}) == 3
    for a, b in zip(got, want, strict=True):
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)


def test_a_guess_saves_passes_and_changes_no_bit(policy):
    first, again, wrong = Divided(policy), Divided(policy), Divided(policy)
    found = settled(policy.config, first, PROMPTS, NOTHING)
    guess = [a.tokens for a in found]
    assert settled(policy.config, again, PROMPTS, guess) == found
    assert settled(policy.config, wrong, PROMPTS, [y[:12] + [5] * 12 for y in guess]) == found
    passes = [len(d.asked) // len(set(first.asked)) for d in (again, wrong, first)]
    assert passes[0] == 1 < passes[1] < passes[2] <= LENGTH


def test_no_more_than_a_unit_is_held(policy):
    divided = Divided(policy)
    settled(policy.config, divided, PROMPTS, NOTHING)
    whole = {name for name, _ in policy.named_parameters()}
    of = {name: unit for unit in units(policy) for name in whole if name.startswith(f"{unit}.")}
    assert set(divided.asked) == whole
    assert all(len({of.get(name, "head") for name in names}) == 1 for names in divided.together)
    assert max(map(len, divided.together)) < len(whole) / 2


def test_it_ends_between_passes_when_the_caller_gives_up(policy):
    divided, answers = Divided(policy), iter([False, True])
    with pytest.raises(Cancelled):
        settled(policy.config, divided, PROMPTS, NOTHING, lambda: next(answers))
    assert sorted(set(divided.asked)) == sorted(n for n, _ in policy.named_parameters())
    assert len(divided.asked) <= len(set(divided.asked)) + 1  # one pass; a tied head is asked twice
