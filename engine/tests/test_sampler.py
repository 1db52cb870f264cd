"""The sampler service and text: which policy answers, and with what."""

import json
import shutil

from process import code, pb, refusal, scratch

from t1_engine import model, snapshot

pytest_plugins = ["engines", "models"]


def generate(engine, policy, prompts=((3, 24), (4, 24, 5)), **other):
    asked = [pb.Prompt(tokens=t, seed=10 + i, samples=3) for i, t in enumerate(prompts)]
    fields = {"temperature": 1.2, "top_p": 0.95, "max_tokens": 12} | other
    *responses, last = engine.sampler.Generate(pb.GenerateRequest(policy=policy, prompts=asked, **fields))
    found = [r.response for r in responses if r.HasField("response")]
    assert last.finished.tokens == sum(len(r.tokens) for r in found)
    return sorted(found, key=lambda r: (r.prompt, r.sample))


def test_the_same_request_gives_the_same_tokens(engine, other):
    policy = engine.state().policy
    first = generate(engine, policy)
    assert first == generate(engine, policy)
    assert first == generate(other, policy)
    assert [(r.prompt, r.sample) for r in first] == [(p, s) for p in (0, 1) for s in (0, 1, 2)]
    for r in first:
        words = engine.text.Decode(pb.DecodeRequest(tokens=[pb.Tokens(ids=r.tokens)])).texts[0]
        assert r.text == words.removesuffix(" <eos>") or r.tokens == [1]
        assert len(r.logprobs) == len(r.tokens) <= 12


def test_a_request_says_the_precision(engine):
    """Whatever the engine trains in: an evaluation must not depend on which run it shares an engine with."""
    policy = engine.state().policy
    plain = generate(engine, policy)
    assert generate(engine, policy, precision="float32") == plain
    halves = generate(engine, policy, precision="bfloat16")
    assert halves == generate(engine, policy, precision="bfloat16") != plain
    assert code(lambda: generate(engine, policy, precision="float16")).name == "INVALID_ARGUMENT"


def test_policies_are_found_by_digest(engine, traces, rollouts, tmp_path):
    fine_tuned = engine.fine_tune(traces, 0, 2).policy
    engine.trainer.Publish(pb.WriteRequest(directory=str(tmp_path / "p"), expect=fine_tuned))
    live = generate(engine, fine_tuned)
    updated = engine.update(rollouts).policy
    assert updated != fine_tuned
    assert code(lambda: generate(engine, fine_tuned)).name == "NOT_FOUND"
    assert code(lambda: engine.sampler.OpenPolicy(pb.OpenPolicyRequest(policy=fine_tuned))).name == "NOT_FOUND"
    engine.sampler.OpenPolicy(pb.OpenPolicyRequest(policy=fine_tuned, directory=str(tmp_path / "p")))
    assert generate(engine, fine_tuned) == live
    assert generate(engine, updated)
    assert engine.sampler.OpenPolicy(pb.OpenPolicyRequest(policy=updated)).eos == 1


def test_a_directory_that_is_another_policy_is_refused(engine, tmp_path):
    policy = engine.state().policy
    engine.trainer.Publish(pb.WriteRequest(directory=str(tmp_path / "p"), expect=policy))
    engine.open_scratch(seed=5)
    wrong = pb.OpenPolicyRequest(policy="00" * 32, directory=str(tmp_path / "p"))
    assert code(lambda: engine.sampler.OpenPolicy(wrong)).name == "DATA_LOSS"
    shutil.copytree(tmp_path / "p", tmp_path / "torn")
    data = (tmp_path / "p" / "model.safetensors").read_bytes()
    (tmp_path / "torn" / "model.safetensors").write_bytes(data[:-100])
    torn = pb.OpenPolicyRequest(policy=policy, directory=str(tmp_path / "torn"))
    assert code(lambda: engine.sampler.OpenPolicy(torn)).name == "DATA_LOSS"


def test_bad_requests_are_named(engine):
    policy = engine.state().policy
    for bad in ({"temperature": -1}, {"top_p": 0}, {"max_tokens": 0}, {"max_tokens": 1 << 30}, {"prompts": [(99,)]}):
        assert code(lambda bad=bad: generate(engine, policy, **bad)).name == "INVALID_ARGUMENT"


def test_text_comes_back(engine):
    texts = ["make 14 from 8 5 1", "5 + 8 = 13", "<eos>", "ok"]
    encoded = engine.text.Encode(pb.EncodeRequest(texts=texts)).texts
    assert list(encoded[2].ids) == [1]
    assert list(engine.text.Decode(pb.DecodeRequest(tokens=encoded)).texts) == texts
    status, message = refusal(lambda: engine.text.Encode(pb.EncodeRequest(texts=["ok", "make haste ok"])))
    assert (status.name, "'haste'" in message) == ("INVALID_ARGUMENT", True)
    outside = pb.DecodeRequest(tokens=[pb.Tokens(ids=[1000])])
    assert code(lambda: engine.text.Decode(outside)).name == "INVALID_ARGUMENT"


def test_text_is_that_of_the_policy_named(engine, tmp_path):
    policy = engine.state().policy
    engine.trainer.Publish(pb.WriteRequest(directory=str(tmp_path / "p"), expect=policy))
    (tmp_path / "p" / "model.safetensors").unlink()  # text needs no weights
    ids = [pb.Tokens(ids=[3, 24])]
    (here,) = engine.text.Decode(pb.DecodeRequest(tokens=ids, policy=policy)).texts
    other = scratch(2)
    other.vocabulary[:] = reversed(other.vocabulary)
    engine.trainer.Open(pb.OpenRequest(scratch=other))
    asked = pb.DecodeRequest(tokens=ids, policy=policy)
    assert code(lambda: engine.text.Decode(asked)).name == "NOT_FOUND"
    engine.sampler.OpenPolicy(pb.OpenPolicyRequest(policy=policy, directory=str(tmp_path / "p"), text=True))
    assert list(engine.text.Decode(asked).texts) == [here]
    assert list(engine.text.Decode(pb.DecodeRequest(tokens=ids)).texts) != [here]  # the trainer's model
    assert code(lambda: generate(engine, policy)).name == "NOT_FOUND"


def test_probes_are_what_the_policy_answers(engine, other, tmp_path):
    policy = engine.state().policy
    prompts = [[3, 24], [4, 24, 5]]

    def publish(which, name):
        asked = [pb.Tokens(ids=p) for p in prompts]
        which.trainer.Publish(pb.WriteRequest(directory=str(tmp_path / name), expect=policy, probes=asked))
        return (tmp_path / name / "probes.json").read_bytes()

    first = publish(engine, "a")
    assert publish(engine, "b") == publish(other, "c") == first
    probes = json.loads(first)["probes"]
    assert [p["prompt"] for p in probes] == prompts
    greedy = generate(engine, policy, prompts, temperature=0, top_p=1, max_tokens=24)[::3]
    for probe, response in zip(probes, greedy, strict=True):
        assert len(probe["tokens"]) == len(probe["logprobs"]) == 24  # whatever ends a response
        assert probe["tokens"][: len(response.tokens)] == list(response.tokens)
        assert max(probe["logprobs"]) < 0
    for bad in ([], [1000], [3] * 40000):
        request = pb.WriteRequest(directory=str(tmp_path / "bad"), expect=policy, probes=[pb.Tokens(ids=bad)])
        status, message = refusal(lambda request=request: engine.trainer.Publish(request))
        assert (status.name, "probe 0" in message) == ("INVALID_ARGUMENT", True)
        assert not (tmp_path / "bad").exists()


def test_transformers_reads_what_is_published(engine, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    policy = engine.state().policy
    engine.trainer.Publish(pb.WriteRequest(directory=str(tmp_path / "p"), expect=policy))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "p")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "p", dtype=torch.float32)
    text = "make 14 from 8 5 1"
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    assert ids[0].tolist() == list(engine.text.Encode(pb.EncodeRequest(texts=[text])).texts[0].ids)
    assert tokenizer.decode(ids[0]) == text
    assert (tokenizer.eos_token_id, model.generation_config.pad_token_id) == (1, 0)
    (ours,) = generate(engine, policy, [ids[0].tolist()], temperature=0, max_tokens=4)[:1]
    with torch.no_grad():
        logits = model(torch.cat([ids, torch.tensor([list(ours.tokens)])], 1)).logits[0, ids.shape[1] - 1 :]
    theirs = logits.log_softmax(-1)[range(len(ours.tokens)), list(ours.tokens)]
    assert torch.allclose(theirs, torch.tensor(list(ours.logprobs)), atol=1e-5)


def test_text_of_a_policy_beside_the_trainers(engine, tiny_directory):
    digest = snapshot.policy_digest(model.load(tiny_directory).state_dict())
    asked = pb.EncodeRequest(texts=["hello \\boxed{5}"], policy=digest)
    assert code(lambda: engine.text.Encode(asked)).name == "NOT_FOUND"
    engine.sampler.OpenPolicy(pb.OpenPolicyRequest(policy=digest, directory=str(tiny_directory)))
    ids = engine.text.Encode(asked).texts
    assert list(engine.text.Decode(pb.DecodeRequest(tokens=ids, policy=digest)).texts) == list(asked.texts)
    chat = [pb.Conversation(messages=[pb.Message(role="user", content="hello")])]
    assert engine.text.Render(pb.RenderRequest(conversations=chat, policy=digest)).texts[0].startswith("<|im_start|>")
    trainers = engine.state().policy  # words, and no chat template
    assert (
        code(lambda: engine.text.Render(pb.RenderRequest(conversations=chat, policy=trainers))).name
        == "INVALID_ARGUMENT"
    )
    assert engine.text.Encode(pb.EncodeRequest(texts=["ok"], policy=trainers)).texts
