"""Packing: every token once, shifted once, little padding."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t1_engine.batch import PADDING_LIMIT, Tokens, pack
from t1_engine.finetune import batch_order, cosine_lr, micro_batches

sequences = st.lists(
    st.builds(
        Tokens,
        st.lists(st.integers(0, 99), min_size=1, max_size=9),
        st.lists(st.integers(0, 99), min_size=1, max_size=60),
    ),
    min_size=1,
    max_size=40,
)


@given(sequences)
def test_packing_keeps_tokens_and_shifts_once(given_sequences):
    packed = pack(given_sequences)
    assert packed.padding <= PADDING_LIMIT + 1e-9
    token = packed.token_T.tolist()
    at = 0
    for i in packed.order:
        s = given_sequences[i]
        ids = [*s.prompt, *s.response][:-1]
        assert token[at : at + len(ids)] == ids
        assert packed.position_T[at : at + len(ids)].tolist() == list(range(len(ids)))
        at += len(ids)
        assert packed.last_B[i] == at - 1
    assert at == len(token)
    targets: dict[int, list[int]] = {}
    for place, target, i in zip(
        packed.predict_R.tolist(), packed.target_R.tolist(), packed.sequence_R.tolist(), strict=True
    ):
        s = given_sequences[i]
        seen = targets.setdefault(i, [])
        assert token[place] == [*s.prompt, *s.response][len(s.prompt) + len(seen) - 1]
        seen.append(target)
    assert [targets[i] for i in range(len(given_sequences))] == [list(s.response) for s in given_sequences]
    assert [b.start for b in packed.buckets] == [0, *[b.stop for b in packed.buckets][:-1]]


@given(sequences)
def test_micro_batches_hold_every_sequence_once(given_sequences):
    parts = micro_batches(given_sequences, 100)
    assert sorted(map(id, given_sequences)) == sorted(id(s) for part in parts for s in part)


def test_impossible_sequences_are_named():
    with pytest.raises(ValueError, match="sequence 1: the prompt is empty"):
        pack([Tokens([1], [2]), Tokens([], [2])])
    with pytest.raises(ValueError, match="nothing to predict"):
        pack([Tokens([1], [])])


@given(st.integers(0, 2**64 - 1), st.integers(0, 5), st.integers(1, 50), st.integers(1, 9))
def test_batch_order_is_a_permutation_and_a_function_of_seed_and_epoch(seed, epoch, count, batch):
    batches = batch_order(seed, epoch, count, batch)
    assert sorted(i for b in batches for i in b) == list(range(count))
    assert batches == batch_order(seed, epoch, count, batch)


def test_batch_order_changes_with_the_epoch():
    assert batch_order(1, 0, 100, 10) != batch_order(1, 1, 100, 10) != batch_order(2, 1, 100, 10)


def test_cosine_lr_rises_and_falls():
    rates = [cosine_lr(s, 100, 2.0, 0.1) for s in range(100)]
    assert rates[0] == pytest.approx(0.2) and max(rates) == 2.0 == rates[9] and 0 < rates[-1] < 0.01
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
