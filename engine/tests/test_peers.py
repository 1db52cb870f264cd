"""One step beside TRL's RLOOTrainer, on what the two have in common (decision 7).

Common: leave-one-out of r - beta d with d the sequence's k1 estimate against a fixed reference, ratio 1, no entropy
bonus, no clipping of the gradient. TRL's loss is -mean_i A_i sum_t log pi: the log-probability of a *sequence*, not of
its mean token. With B responses of n_i tokens, N = sum n_i, its gradient is therefore

    N / B times ours with aggregation "token" (each token weighs 1 / N);
    n times ours with "response" (1 / (n_i B)) where all responses have the same length n, else no multiple of it.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY, shake
from datasets import Dataset
from test_exact import LIMIT, error, flat
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback
from trl import RLOOConfig, RLOOTrainer

from t1_engine import model, tokenizer
from t1_engine.anchor import AnchorRule, new_anchor
from t1_engine.config import Config
from t1_engine.model import Model
from t1_engine.optimizer import BETAS, adamw
from t1_engine.rollout import Group
from t1_engine.tally import UpdateResult
from t1_engine.update import Hyper, policy_update

K, BETA = 4, 0.05
WORDS = [f"w{n}" for n in range(58)]


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Path:
    """A tiny Llama, saved by the engine: what TRL loads as the policy's first weights and as the fixed reference."""
    directory = tmp_path_factory.mktemp("reference")
    shape = TINY | {"initializer_range": 0.113, "eos_token_id": tokenizer.EOS, "pad_token_id": tokenizer.PAD}
    model.save(shake(model.build(Config(**shape), seed=3)), directory)
    return directory


@pytest.fixture(scope="module")
def policy(reference) -> Model:
    """Some way from the reference, so that d is not 0."""
    policy = model.load(reference)
    generator = torch.Generator().manual_seed(6)
    with torch.no_grad():
        for p in policy.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.02)
    return policy


def groups(lengths: Iterator[int]) -> list[Group]:
    rng = np.random.default_rng(2)
    made = []
    for size in (3, 7, 5):
        responses = [rng.integers(3, 61, next(lengths)).tolist() for _ in range(K)]
        rewards = rng.permutation([1.0, 0.0, -1.0, 1.0]).tolist()
        made.append(Group(rng.integers(3, 61, size).tolist(), responses, rewards, [[0.0] * len(y) for y in responses]))
    return made


class Given(RLOOTrainer):
    """TRL's trainer with the batch given: it samples nothing and its rewards are known. All else is TRL's."""

    batch: list[Group]

    def _tokenize_prompts(self, prompts):
        return [list(self.batch[int(p)].prompt) for p in prompts], None, {}

    def _generate_single_turn(self, prompt_ids, images, multimodal_fields):
        return [list(y) for g in self.batch for y in g.responses]


class Gradient(TrainerCallback):
    """Keeps the gradient of the step."""

    def on_pre_optimizer_step(self, args, state, control, model=None, **_):
        self.named = {n: p.grad.double().numpy().copy() for n, p in model.named_parameters()}


def theirs(reference: Path, policy: Model, batch: list[Group], at: Path) -> tuple[dict[str, np.ndarray], list[float]]:
    """TRL's gradient and advantages, the latter in the order of groups, then responses."""
    start = AutoModelForCausalLM.from_pretrained(reference, dtype=torch.float32)
    start.load_state_dict(policy.state_dict(), strict=False)
    rows = sum(len(g.responses) for g in batch)
    args = RLOOConfig(
        output_dir=str(at), num_generations=K, beta=BETA, temperature=1.0, num_iterations=1, epsilon=0.2,
        normalize_advantages=False, reward_clip_range=None, mask_truncated_completions=False, sync_ref_model=False,
        per_device_train_batch_size=rows, gradient_accumulation_steps=1, max_steps=1, max_grad_norm=0.0,
        shuffle_dataset=False, bf16=False, gradient_checkpointing=False, use_cpu=True, report_to="none",
        save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip

    def reward(prompts, **_):
        return [r for g in batch for r in g.rewards]

    kept = Gradient()
    trainer = Given(
        model=start, reward_funcs=reward, args=args, callbacks=[kept],
        processing_class=PreTrainedTokenizerFast(
            tokenizer_object=tokenizer.word_level(WORDS), eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
        ),
        train_dataset=Dataset.from_dict({"prompt": [str(n) for n in range(len(batch))]}),
    )  # fmt: skip
    trainer.batch = batch
    trainer.train()
    return kept.named, list(trainer._logs["advantages"])


def ours(
    reference: Path, policy: Model, batch: list[Group], aggregation: str
) -> tuple[dict[str, np.ndarray], UpdateResult]:
    step, optimizer = new_anchor(policy, AnchorRule()), None
    assert step is not None
    step.requires_grad_(True)
    optimizer = adamw(step)
    anchor = new_anchor(model.load(reference), AnchorRule("fixed"))
    hyper = Hyper(lr=0.0, alpha=0.0, beta=BETA, grad_clip=math.inf, aggregation=aggregation)  # pyright: ignore
    result = policy_update(step, anchor, optimizer, batch, hyper)
    moments = {n: optimizer.state[p]["exp_avg"].double().numpy() for n, p in step.named_parameters()}
    return {n: m / (1 - BETAS[0]) for n, m in moments.items()}, result


@pytest.fixture(scope="module")
def ragged(reference, policy, tmp_path_factory):
    batch = groups(iter([5, 17, 1, 9, 30, 12, 4, 8, 21, 2, 13, 6]))
    return batch, theirs(reference, policy, batch, tmp_path_factory.mktemp("trl"))


def test_advantages_are_trls(reference, policy, ragged):
    batch, (_, advantages) = ragged
    _, result = ours(reference, policy, batch, "token")
    assert np.linalg.norm(result.divergence) > 1  # the reference is felt
    assert error(result.advantage, advantages) <= LIMIT


def test_token_aggregation_is_trls_gradient_over_the_mean_length(reference, policy, ragged):
    batch, (want, _) = ragged
    lengths = [len(y) for g in batch for y in g.responses]
    got, _ = ours(reference, policy, batch, "token")
    same(got, want, sum(lengths) / len(lengths))


def test_response_aggregation_is_trls_gradient_where_lengths_are_equal(reference, policy, ragged, tmp_path):
    batch = groups(iter([11] * 12))
    want, advantages = theirs(reference, policy, batch, tmp_path)
    got, result = ours(reference, policy, batch, "response")
    assert error(result.advantage, advantages) <= LIMIT
    same(got, want, 11)
    batch, (want, _) = ragged  # and where they are not, no factor makes them equal
    got, _ = ours(reference, policy, batch, "response")
    cosine = flat(got) @ flat(want) / np.linalg.norm(flat(got)) / np.linalg.norm(flat(want))
    assert cosine < 0.99


def same(got: dict[str, np.ndarray], want: dict[str, np.ndarray], factor: float) -> None:
    assert got.keys() == want.keys()
    assert error(factor * flat(got), flat(want)) <= LIMIT
    for name, g in want.items():
        assert error(factor * got[name], g) <= LIMIT, name
