"""Prints the three paths that bench/peers.py wants of a finished run: fine-tuned policy, problems, demonstrations.

PYTHONPATH=. python bench/demo.py RUN_DIRECTORY      STORE/runs/NAME in a file:// store
"""

import json
import sys
from pathlib import Path


def main(run: Path) -> None:
    store = run.parent.parent
    data = json.loads((run / "data.json").read_text())
    print(fine_tuned(run), store / data["train"]["key"], store / data["traces"]["key"])


def fine_tuned(run: Path) -> Path:
    """The directory of the fine-tuned policy: that of the last sft record."""
    records = [json.loads(p.read_text()) for p in sorted((run / "log").iterdir())]
    return run / "policy" / [r for r in records if r["kind"] == "sft"][-1]["policy"]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
