"""python -m t1_engine.launch --trainers N SERVE-OPTIONS: torchrun, as t1 starts it.

N processes of `t1_engine serve` on this machine, one a GPU where there are any; rank 0 listens on the socket. One that
dies ends all, and none is started again here: the worker that supervises this process does that.

torchrun would have its processes meet in a store that listens on every address of the machine (with --standalone, too).
Here they meet over a file in the socket's directory, which is ours alone.
"""

import argparse
import os
import sys

ENVIRONMENT = {
    "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",  # opens a store for the processes, on every address
    "OMP_NUM_THREADS": "1",  # until each process says (environment.py); unset, torchrun warns
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="t1_engine.launch", description="Several trainers that act as one engine.")
    parser.add_argument("--trainers", type=int, required=True, help="processes, at least 2")
    parser.add_argument("--socket", required=True, help="as serve's; what it lacks here is serve's")
    arguments, rest = parser.parse_known_args()
    if arguments.trainers < 2:
        parser.error(f"--trainers: {arguments.trainers}; at least 2")
    os.environ.update(ENVIRONMENT)
    from torch.distributed.run import main as torchrun

    torchrun([
        "--nproc-per-node", str(arguments.trainers), "--rdzv-backend", "c10d", "--rdzv-conf", "store_type=file",
        "--rdzv-endpoint", f"{arguments.socket}.rendezvous",
        "-m", "t1_engine", "serve", "--socket", arguments.socket, *rest,
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
