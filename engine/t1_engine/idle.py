"""A turn without a micro-batch of one's own: the others need its part of the weights, and a gradient of 0."""

from t1_engine.batch import Tokens, pack
from t1_engine.model import Model
from t1_engine.resources import Resources


def idle(model: Model, learn: bool, resources: Resources) -> None:
    import torch

    with torch.set_grad_enabled(learn):
        logprob_R, entropy_R = model(pack([Tokens([0], [0])]), recompute=resources.recompute and learn, score=True)
        if learn:
            ((logprob_R + entropy_R).sum() * 0).backward()
