"""vLLM's side of bench/samplers.py, run by the interpreter of infra/vllm/environment.

    python bench/vllm_peer.py MODEL     reads a request a line, {"prompts", "k", "max_tokens", "temperature", "top_p",
                                        "seed"}, and answers {"tokens", "seconds"} a line

Offline, without a server between: the fastest way to ask it. Token ids in and out, as infra/vllm does.
"""

import json
import os
import sys
import time

os.environ |= {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "4")  # GiB

if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what vLLM prints is not an answer
    from vllm import LLM, SamplingParams

    model, dtype, length = sys.argv[1:]
    llm = LLM(
        model, skip_tokenizer_init=True, dtype=dtype, max_num_seqs=256, max_model_len=int(length), seed=0,
        enable_chunked_prefill=False,  # a part of a prompt that has a seed ends vLLM 0.32 on a CPU
    )  # fmt: skip
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        how = [
            SamplingParams(
                n=1, temperature=asked["temperature"], top_p=asked["top_p"], max_tokens=asked["max_tokens"],
                seed=asked["seed"] + n, logprobs=0, detokenize=False, stop_token_ids=asked["eos"],
            )
            for n in range(len(asked["prompts"]) * asked["k"])
        ]  # fmt: skip
        prompts = [{"prompt_token_ids": p} for p in asked["prompts"] for _ in range(asked["k"])]
        start = time.perf_counter()
        got = llm.generate(prompts, how, use_tqdm=False)
        seconds = time.perf_counter() - start
        tokens = sum(len(o.token_ids) for r in got for o in r.outputs)
        print(json.dumps({"tokens": tokens, "seconds": seconds}), file=answers, flush=True)
