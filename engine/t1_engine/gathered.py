"""A model that computes though this process never holds it whole: the weights of a unit (a layer, the embedding, the
last norm) are there while the unit computes, in the type they are kept in.

FSDP's own pass would not do for what must be float32: it gathers in the precision of the passes (shard.py), and keeps
embedding and head for as long as the layers take.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from t1_engine.config import Config
from t1_engine.model import Model

Gather = Callable[[str], Tensor]  # a whole tensor of the model, by name; no parameter, and not to be changed


def gathered(config: Config, gather: Gather) -> Model:
    """The model, for passes without gradient. Its head is not there: `head` gathers it."""
    with torch.device("meta"):
        model = Model(config).requires_grad_(False)
    for name, unit in units(model).items():
        _attend(unit, name, gather)
    return model


def units(model: Model) -> dict[str, nn.Module]:
    layers = {f"model.layers.{n}": layer for n, layer in enumerate(model.model.layers)}
    return {"model.embed_tokens": model.model.embed_tokens, **layers, "model.norm": model.model.norm}


def head(config: Config, gather: Gather) -> Tensor:
    """[V, D] the vocabulary projection."""
    return gather("model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight")


def _attend(unit: nn.Module, name: str, gather: Gather) -> None:
    names = list(unit.state_dict())

    def fetch(*_) -> None:
        unit.load_state_dict({n: gather(f"{name}.{n}") for n in names}, assign=True)

    def drop(*_) -> None:
        unit.to("meta")

    unit.register_forward_pre_hook(fetch)
    unit.register_forward_hook(drop)
