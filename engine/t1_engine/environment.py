"""The environment fingerprint: what two engines must share for their bits to be equal."""

import os
import platform
from functools import cache
from pathlib import Path

from t1_engine.resources import Resources

VERSION = "0.1.0"  # of this package; pyproject.toml says the same

# Set before torch and its libraries are loaded; they read them once.
DETERMINISM = {
    "MKL_CBWR": "AUTO",  # one code path whatever the alignment of a buffer
    "MKL_DYNAMIC": "FALSE",
    "OMP_DYNAMIC": "FALSE",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "TOKENIZERS_PARALLELISM": "false",
}

# How long OpenMP's threads spin before they sleep, in turns: about 0.3 ms. To sleep at once doubles the time of a small
# model's step; to spin on wastes cores that workers and a server want. docs/results.md has the figures.
PATIENCE = {"GOMP_SPINCOUNT": "100000"}


def prepare(threads: int) -> None:
    """Fixes thread counts and code paths. Call before anything imports torch."""
    os.environ.update(DETERMINISM | PATIENCE)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    import torch

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    torch.use_deterministic_algorithms(True)
    # It would fill every new tensor, for code that reads what was never written: 6 % of a step, for the same bits.
    torch.utils.deterministic.fill_uninitialized_memory = False  # pyright: ignore[reportAttributeAccessIssue]


@cache
def fingerprint(resources: Resources) -> dict[str, str]:
    """Names and values, all strings. `recompute` is not among them: it does not change a bit."""
    import numpy
    import torch

    gpu = torch.cuda.is_available()
    return {
        "engine": VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name() if gpu else cpu_model(),
        "capability": str(torch.cuda.get_device_capability()) if gpu else torch.backends.cpu.get_cpu_capability(),
        "threads": str(torch.get_num_threads()),
        "devices": os.environ.get("WORLD_SIZE", "1"),
        "precision": resources.precision,
        "offload": str(resources.offload).lower(),
        "micro_tokens": str(resources.micro_tokens),
    }


def cpu_model(path: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's name with family, model and stepping; the machine type where the system does not say.

    The numbers are needed: a cloud hides the name ("AMD EPYC") and not the family.
    """
    try:
        lines = path.read_text().partition("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in lines)
    about = {key.strip(): value.strip() for key, _, value in pairs}
    name = about.get("model name", platform.machine())
    numbers = [about.get(key, "") for key in ("cpu family", "model", "stepping")]
    return f"{name} ({'/'.join(numbers)})" if all(numbers) else name
