"""Log-probabilities of given tokens and the exact entropy of their distributions.

Legend: R response tokens, C tokens of a chunk, D width, V vocabulary.

Neither pass ever holds an [R, V] matrix: logits are made a chunk of tokens at a time, and made again in the
backward pass. Peak memory is about 3 * CELLS numbers plus the head and its gradient in float32, whatever R is.
"""

import torch
from torch import Tensor
from torch.autograd import Function

CELLS = 1 << 22  # logits held at once: 16 MiB in float32
CELLS_GPU = 1 << 27  # 512 MiB


def _chunk(head_VD: Tensor) -> int:
    return max(1, (CELLS_GPU if head_VD.is_cuda else CELLS) // head_VD.shape[0])


def _operand(x: Tensor) -> Tensor:
    """What is multiplied to give float32: a GPU takes bfloat16 and sums in float32, a CPU wants float32."""
    return x if x.is_cuda else x.float()


def _product(a: Tensor, b: Tensor) -> Tensor:
    return torch.mm(a, b, out_dtype=torch.float32) if a.dtype == torch.bfloat16 else a @ b


class _TokenLogProb(Function):
    @staticmethod
    def forward(ctx, hidden_RD: Tensor, head_VD: Tensor, target_R: Tensor) -> tuple[Tensor, Tensor]:
        size = _chunk(head_VD)
        factor_VD = _operand(head_VD)
        logprob_R = hidden_RD.new_empty(hidden_RD.shape[0], dtype=torch.float32)
        entropy_R = torch.empty_like(logprob_R)
        for i in range(0, len(target_R), size):
            logp_CV = torch.log_softmax(_product(_operand(hidden_RD[i : i + size]), factor_VD.T), -1)
            logprob_R[i : i + size] = logp_CV.gather(1, target_R[i : i + size, None]).squeeze(1)
            # A probability of exactly 0 has logp = -inf; 0 * -inf would be NaN, its share is 0.
            entropy_R[i : i + size] = -(logp_CV.exp() * logp_CV.clamp_min(-1e4)).sum(-1)
        ctx.save_for_backward(hidden_RD, head_VD, target_R, entropy_R)
        return logprob_R, entropy_R

    @staticmethod
    def backward(ctx, grad_logprob_R: Tensor, grad_entropy_R: Tensor):
        hidden_RD, head_VD, target_R, entropy_R = ctx.saved_tensors
        size = _chunk(head_VD)
        factor_VD = _operand(head_VD)
        grad_hidden_RD = torch.empty_like(hidden_RD)
        grad_head_VD = torch.zeros_like(head_VD, dtype=torch.float32)  # hundreds of chunks are added to it
        for i in range(0, len(target_R), size):
            part = slice(i, i + size)
            hidden_CD = _operand(hidden_RD[part])
            logp_CV = torch.log_softmax(_product(hidden_CD, factor_VD.T), -1)
            # d logprob / d z_v = [v = target] - p_v;   d H / d z_v = -p_v (log p_v + H)
            p_CV = logp_CV.exp()
            grad_CV = logp_CV.clamp_min_(-1e4).add_(entropy_R[part, None]).mul_(grad_entropy_R[part, None])
            grad_CV.add_(grad_logprob_R[part, None]).mul_(p_CV).neg_()
            grad_CV.scatter_add_(1, target_R[part, None], grad_logprob_R[part, None])
            grad_CV = grad_CV.to(factor_VD.dtype)
            grad_hidden_RD[part] = _product(grad_CV, factor_VD)
            if grad_CV.dtype == torch.float32:
                grad_head_VD.addmm_(grad_CV.T, hidden_CD)
            else:
                grad_head_VD += _product(grad_CV.T, hidden_CD)
        return grad_hidden_RD, grad_head_VD.to(head_VD.dtype), None


def token_logprob(hidden_RD: Tensor, head_VD: Tensor, target_R: Tensor) -> tuple[Tensor, Tensor]:
    """log pi(target) and H(pi) for each row, both [R] float32, at temperature 1 over the full vocabulary.

    hidden and head may be bfloat16; their products are summed, and stay, in float32.
    """
    return _TokenLogProb.apply(hidden_RD, head_VD, target_R)
