"""Models that are divided over the processes by FSDP2: each process holds a part of every tensor, along its first axis.

A parameter of such a model is a DTensor. What has one's layout but is this process's part alone (moments that are
offloaded) is a plain tensor; the functions take either. Of a model that is not divided every tensor is whole, and they
do nothing.
"""

from typing import Any

import torch
from torch import Tensor

from t1_engine import group
from t1_engine.resources import Resources


def is_sharded(model: torch.nn.Module) -> bool:
    if group.size() == 1:
        return False
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def shard(model: Any, resources: Resources, away: bool = False) -> Any:
    """Divides a model, layer by layer; the rest (embedding, last norm, head) is one more unit. In place.

    Gathered and computed in the precision asked for; gradients are summed over the processes in float32, and not
    divided: the loss is normalised by the whole step's counts (loss.py).

    away: the parts stay in the machine's memory, and go to the device for the time they are used.
    """
    if group.size() == 1:
        return model
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, OffloadPolicy, fully_shard

    mesh = init_device_mesh(group.device().type, (group.size(),))
    dtype = None if resources.dtype == torch.float32 else resources.dtype
    precision = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
    on_gpu = group.device().type == "cuda"
    offload = CPUOffloadPolicy() if away and on_gpu else OffloadPolicy()
    for unit in (*model.model.layers, model):
        fully_shard(unit, mesh=mesh, mp_policy=precision, offload_policy=offload, reshard_after_forward=True)
        unit.set_gradient_divide_factor(1.0)
        unit.set_force_sum_reduction_for_comms(True)
    return model


def part(tensor: Tensor) -> Tensor:
    """This process's part; the tensor itself where it is whole."""
    return tensor.to_local() if hasattr(tensor, "to_local") else tensor  # pyright: ignore


def like(held: Tensor, layout: Tensor) -> Tensor:
    """A part as a tensor of that layout, on the layout's device."""
    if not hasattr(layout, "to_local") or hasattr(held, "to_local"):
        return held
    from torch.distributed.tensor import DTensor

    about: Any = layout
    return DTensor.from_local(
        held, about.device_mesh, about.placements, run_check=False, shape=about.shape, stride=about.stride()
    )


def whole(held: Tensor, layout: Tensor) -> Tensor:
    """The full tensor. All processes must ask for the same one."""
    if not hasattr(layout, "to_local"):
        return held.detach()
    gathered: Any = like(part(held).detach(), layout)
    return gathered.full_tensor()


@torch.no_grad()
def put(target: Tensor, source: Tensor) -> None:
    """Copies a full tensor, or one of the target's layout, into the target. Another shape is ValueError."""
    if target.shape != source.shape:
        raise ValueError(f"a tensor of shape {list(source.shape)} where {list(target.shape)} is wanted")
    if hasattr(target, "to_local") and not hasattr(source, "to_local"):
        from torch.distributed.tensor import distribute_tensor

        about: Any = target
        source = source.to(group.device())
        source = distribute_tensor(source, about.device_mesh, about.placements, src_data_rank=None)
    part(target).copy_(part(source))
