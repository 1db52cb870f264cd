"""The model's few operations that are worth their own backward pass.

Legend: T tokens, C cells of a padded rectangle, H heads, E head width, D model width.

On a CPU a small model spends its time in element-wise operations, not in matrix products: each function here
replaces five to ten autograd nodes by one, and keeps only what its backward needs.
"""

import torch
from torch import Tensor
from torch.autograd import Function


class _RmsNorm(Function):
    @staticmethod
    def forward(ctx, x_TD: Tensor, weight_D: Tensor, eps: float) -> Tensor:
        x = x_TD.float()
        scale_T1 = torch.rsqrt(x.square().mean(-1, keepdim=True).add_(eps))
        ctx.save_for_backward(x_TD, weight_D, scale_T1)
        return (x * scale_T1).to(x_TD.dtype).mul_(weight_D)

    @staticmethod
    def backward(ctx, grad_TD: Tensor):
        x_TD, weight_D, scale_T1 = ctx.saved_tensors
        normed_TD = x_TD.float() * scale_T1
        grad_weight_D = (grad_TD * normed_TD).sum(0).to(weight_D.dtype)
        inner_TD = grad_TD.float() * weight_D
        # y = x s(x): dx = s (g - y mean(g y))
        dot_T1 = (inner_TD * normed_TD).mean(-1, keepdim=True)
        grad_x_TD = inner_TD.addcmul_(normed_TD, dot_T1, value=-1).mul_(scale_T1)
        return grad_x_TD.to(x_TD.dtype), grad_weight_D, None


def rms_norm(x_TD: Tensor, weight_D: Tensor, eps: float) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last axis, as transformers' LlamaRMSNorm."""
    return _RmsNorm.apply(x_TD, weight_D, eps)


def _turn(x_THE: Tensor, cos_T1E: Tensor, sin_T1E: Tensor) -> Tensor:
    if x_THE.dtype == torch.bfloat16:  # angles and products are float32
        return _turn(x_THE.float(), cos_T1E, sin_T1E).to(x_THE.dtype)
    half = x_THE.shape[-1] // 2
    out = x_THE * cos_T1E
    out[..., :half].addcmul_(x_THE[..., half:], sin_T1E[..., :half], value=-1)
    out[..., half:].addcmul_(x_THE[..., :half], sin_T1E[..., half:])
    return out


class _Rotate(Function):
    @staticmethod
    def forward(ctx, x_THE: Tensor, cos_T1E: Tensor, sin_T1E: Tensor) -> Tensor:
        ctx.save_for_backward(cos_T1E, sin_T1E)
        return _turn(x_THE, cos_T1E, sin_T1E)

    @staticmethod
    def backward(ctx, grad_THE: Tensor):
        cos_T1E, sin_T1E = ctx.saved_tensors
        return _turn(grad_THE, cos_T1E, -sin_T1E), None, None  # a rotation's transpose is its inverse


def rotate(x_THE: Tensor, cos_T1E: Tensor, sin_T1E: Tensor) -> Tensor:
    """Rotary position embedding, transformers' rotate_half convention: pairs are (e, e + E/2)."""
    return _Rotate.apply(x_THE, cos_T1E, sin_T1E)


class _ToCells(Function):
    @staticmethod
    def forward(ctx, x_THE: Tensor, cell_T: Tensor, token_C: Tensor) -> Tensor:
        ctx.save_for_backward(cell_T)
        return x_THE.index_select(0, token_C)

    @staticmethod
    def backward(ctx, grad_CHE: Tensor):
        # Padding lies to the right, so causal attention never lets it reach a real token: its gradient is 0.
        (cell_T,) = ctx.saved_tensors
        return grad_CHE.index_select(0, cell_T), None, None


class _FromCells(Function):
    @staticmethod
    def forward(ctx, x_CHE: Tensor, cell_T: Tensor) -> Tensor:
        ctx.save_for_backward(cell_T)
        ctx.cells = x_CHE.shape[0]
        return x_CHE.index_select(0, cell_T)

    @staticmethod
    def backward(ctx, grad_THE: Tensor):
        (cell_T,) = ctx.saved_tensors
        grad_CHE = grad_THE.new_zeros((ctx.cells, *grad_THE.shape[1:]))
        return grad_CHE.index_copy_(0, cell_T, grad_THE), None


def to_cells(x_THE: Tensor, cell_T: Tensor, token_C: Tensor) -> Tensor:
    """[T, H, E] packed tokens to [C, H, E] cells; padding cells hold copies that nothing may read."""
    return _ToCells.apply(x_THE, cell_T, token_C)


def from_cells(x_CHE: Tensor, cell_T: Tensor) -> Tensor:
    """The inverse of to_cells."""
    return _FromCells.apply(x_CHE, cell_T)
