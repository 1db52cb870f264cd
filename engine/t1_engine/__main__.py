"""python -m t1_engine serve --socket PATH --threads N"""

import argparse
import sys

from t1_engine.resources import PRECISIONS, Resources
from t1_engine.serve import serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="t1_engine", description="The tensor engine of t1.")
    commands = parser.add_subparsers(required=True, metavar="command")
    command = commands.add_parser("serve", help="answer gRPC calls until standard input ends")
    command.add_argument("--socket", required=True, help="path of the Unix socket to make; its directory has mode 0700")
    command.add_argument("--threads", type=int, required=True, help="threads that compute, at least 1")
    command.add_argument("--micro-tokens", type=int, default=4096, help="packed tokens of a micro-batch")
    command.add_argument("--recompute", action="store_true", help="recompute activations instead of keeping them")
    command.add_argument("--precision", default="float32", choices=PRECISIONS, help="of forward and backward passes")
    command.add_argument("--offload", action="store_true", help="keep optimizer and anchor off the device between uses")
    arguments = parser.parse_args()
    if arguments.threads < 1:
        parser.error(f"--threads: {arguments.threads}; at least 1")
    try:
        resources = Resources(arguments.micro_tokens, arguments.recompute, arguments.precision, arguments.offload)
    except ValueError as error:
        parser.error(str(error))
    return serve(arguments.socket, arguments.threads, resources)


if __name__ == "__main__":
    sys.exit(main())
