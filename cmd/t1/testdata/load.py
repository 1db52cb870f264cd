"""Loads exported directories as anybody would, with transformers alone, and asks what their probes ask.

    load.py DIR [QUESTION]    writes {"parameters", "digest", "probes", "tokens", "agree", "gap", "spelled", "answer"}

agree: of all tokens that the probes hold, those that are greedy here too; gap: the largest difference to their
log-probabilities, nats; spelled: the probes' prompts whose text reads as their tokens; answer: to the question, greedily.
digest is computed from the file by the rule of docs/formats.md, not by ours.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer


def digest(directory: Path) -> str:
    lines = []
    for name, tensor in sorted(load_file(directory / "model.safetensors").items()):
        assert tensor.dtype == torch.float32
        of = hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()
        lines.append(f"{of} F32 [{','.join(map(str, tensor.shape))}] {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


torch.set_num_threads(1)  # other tests run beside it


@torch.inference_mode()
def main(directory: Path, question: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(directory, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    said = {"parameters": model.num_parameters(), "digest": digest(directory), "answer": ""}
    said |= {"probes": 0, "tokens": 0, "agree": 0, "gap": 0.0, "spelled": 0}
    file = directory / "probes.json"
    for probe in json.loads(file.read_text())["probes"] if file.exists() else []:
        prompt, tokens = probe["prompt"], torch.tensor(probe["tokens"])
        logits = model(torch.tensor([prompt + probe["tokens"]])).logits[0, len(prompt) - 1 : -1]
        logprobs = logits.log_softmax(-1).gather(1, tokens[:, None]).squeeze(1)
        said["probes"] += 1
        said["tokens"] += len(tokens)
        said["agree"] += int((logits.argmax(-1) == tokens).sum())
        said["gap"] = max(said["gap"], float((logprobs - torch.tensor(probe["logprobs"])).abs().max()))
        said["spelled"] += tokenizer.encode(tokenizer.decode(prompt), add_special_tokens=False) == prompt
    if question:
        chat = [{"role": "user", "content": question}]
        asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        answer = model.generate(**asked, max_new_tokens=12, do_sample=False)
        said["answer"] = tokenizer.decode(answer[0, asked["input_ids"].shape[1] :], skip_special_tokens=True)
    json.dump(said, sys.stdout)


main(Path(sys.argv[1]), " ".join(sys.argv[2:]))
