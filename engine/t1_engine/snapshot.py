"""States and policies as directories: safetensors and JSON only, never pickle.

A snapshot holds
- state.safetensors: every tensor of the state, under the names of state.py;
- config.json: the model's shape, as Hugging Face writes it; tokenizer.json; tokenizer_config.json;
- state.json: what is below, and the SHA-256 of the three files that the state's digest does not cover.

Example state.json:
{"schema": 1, "phase": "rl", "step": 130, "age": 5, "digest": "9b1f...", "policy": "77aa...",
 "files": {"config.json": "05c1...", "tokenizer.json": "f00d...", "tokenizer_config.json": "1ce5..."}}
"""

import errno
import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from t1_engine import model, tokenizer, weights
from t1_engine.anchor import blank
from t1_engine.config import Config
from t1_engine.digest import policy_digest
from t1_engine.directory import names, new_directory
from t1_engine.language import Language, read_settings
from t1_engine.probe import FILE as PROBES
from t1_engine.resources import Resources
from t1_engine.state import Identity, State
from t1_engine.status import Code, Refused

SCHEMA = 1
STATE = "state.safetensors"
CHECKED = ("config.json", "tokenizer.json", "tokenizer_config.json")


def write(state: State, identity: Identity, path: Path) -> list[str]:
    """Writes a snapshot into a new directory; answers its files' names."""
    with new_directory(path) as directory:
        weights.write(state.stored(), directory / STATE)
        write_json(directory / "config.json", state.policy.config.to_hf())
        tokenizer.save(state.tokenizer, state.language.settings, directory)
        about = {
            "schema": SCHEMA, "phase": state.phase, "step": state.step, "age": state.age,
            "digest": identity.state, "policy": identity.policy,
            "files": {name: file_digest(directory / name) for name in CHECKED},
        }  # fmt: skip
        write_json(directory / "state.json", about)
    return names(path)


def read(path: Path, resources: Resources) -> State:
    """Opens a snapshot, for `check` to check. Missing is NOT_FOUND; anything that does not fit is DATA_LOSS."""
    if not path.is_dir():
        raise Refused(Code.NOT_FOUND, f"snapshot {path}: not there")
    try:
        return assemble(path, resources)
    except (Refused, FileNotFoundError, MemoryError):
        raise
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise Refused(Code.DATA_LOSS, f"snapshot {path}: {error}") from error


def check(path: Path, identity: Identity) -> None:
    """Whether the state that was read is the one that was written; DATA_LOSS."""
    wanted = json.loads((path / "state.json").read_bytes())["digest"]
    if identity.state != wanted:
        found, wanted = identity.state[:12], str(wanted)[:12]
        raise Refused(Code.DATA_LOSS, f"snapshot {path}: its tensors have digest {found}, its state.json says {wanted}")


def assemble(path: Path, resources: Resources) -> State:
    """A state from a snapshot's files, its digest not yet checked."""
    about = json.loads((path / "state.json").read_bytes())
    if about["schema"] != SCHEMA or about["phase"] not in ("sft", "rl"):
        raise ValueError(f"state.json: schema {about['schema']}, phase {about['phase']!r}: not known")
    # Snapshots from before pretrained models have no tokenizer_config.json; a scratch model's goes without saying.
    told = "tokenizer_config.json" in about["files"]
    for name in CHECKED if told else CHECKED[:2]:
        if file_digest(path / name) != about["files"][name]:
            raise ValueError(f"{name} is not the file that was written")
    if not (path / STATE).is_file():
        raise FileNotFoundError(errno.ENOENT, "not there", str(path / STATE))
    named = weights.shard(path, STATE)
    config = Config.from_hf(json.loads((path / "config.json").read_bytes()))
    with_anchor = any(n.startswith("anchor.") for n in named)
    state = State(
        policy=blank(config, resources),
        tokenizer=tokenizer.load(path),
        phase=about["phase"],
        step=int(about["step"]),
        age=int(about["age"]),
        settings=read_settings(path) if told else None,
        anchor=blank(config, resources, anchor=True) if with_anchor else None,
        resources=resources,
    )
    state.restore(named)
    return state


def publish(state: State, path: Path, probes: dict[str, Any] | None = None) -> list[str]:
    """Writes the policy alone, as a directory that transformers and vLLM load: the masters, float32. With its answers
    to probing prompts (probe.py), where there are some.

    A copy in bfloat16 would have another digest than the policy of the state; who serves it rounds it (vLLM: --dtype).
    """
    with new_directory(path) as directory:
        policy = {n.removeprefix("policy."): t for n, t in state.stored().items() if n.startswith("policy.")}
        weights.write(policy, directory / weights.SINGLE)
        model.save_config(state.policy.config, directory)
        tokenizer.save(state.tokenizer, state.language.settings, directory)
        write_json(directory / "generation_config.json", generation(state.policy.config))
        if probes is not None:
            write_json(directory / PROBES, probes)
    return names(path)


def generation(config: Config) -> dict[str, Any]:
    """What stands in generation_config.json: how a response ends."""
    return {"eos_token_id": eos_ids(config), "pad_token_id": config.pad_token_id, "do_sample": True}


def read_policy(path: Path, expect: str) -> model.Model:
    """Opens a published policy and checks its digest. Missing is NOT_FOUND, anything else DATA_LOSS."""
    if not path.is_dir():
        raise Refused(Code.NOT_FOUND, f"policy {path}: not there")
    try:
        policy = model.load(path)
    except (FileNotFoundError, MemoryError):
        raise
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise Refused(Code.DATA_LOSS, f"policy {path}: {error}") from error
    found = policy_digest(policy.state_dict())
    if found != expect:
        raise Refused(Code.DATA_LOSS, f"policy {path}: its tensors have digest {found[:12]}, not {expect[:12]}")
    return policy


def read_language(path: Path) -> tuple[Language, Config]:
    """The tokenizer of a published policy; its weights need not be there. Missing is NOT_FOUND, else DATA_LOSS."""
    if not path.is_dir():
        raise Refused(Code.NOT_FOUND, f"policy {path}: not there")
    try:
        config = Config.from_hf(json.loads((path / "config.json").read_bytes()))
        return Language(tokenizer.load(path), read_settings(path), config.vocab_size), config
    except (Refused, FileNotFoundError):
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(Code.DATA_LOSS, f"policy {path}: {error}") from error


def eos_ids(config: Config) -> list[int]:
    """The token ids that end a response, the usual one first."""
    if not config.eos_ids:
        raise Refused(Code.INVALID_ARGUMENT, "config.json: no eos_token_id; a response could not end")
    return config.eos_ids


def file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
