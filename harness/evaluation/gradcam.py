"""Grad-CAM (Selvaraju et al., 2017) of what makes two sequences alike, for any backbone with feature maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.errors import UserError
from harness.types import FRAME

LEAST = (8, 5)
"""Rows and columns that a map must have to say where on a body it looks."""


def grad_cam(
    network: nn.Module, frames: Tensor, space: Callable[[Tensor], Tensor], other: Tensor
) -> npt.NDArray[np.float32]:
    """Heat f32[T,64,44] in [0,1] over one sequence, frames f32[1,T,64,44] in [0,1].

    What is explained is the cosine between its feature, ``space`` of its embedding, and ``other`` f32[F] (unit). The
    maps are those of the last module with spatial output: [T,C,h,w] or, of a network over time, [1,C,T,h,w].
    """
    maps: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        if (
            isinstance(output, Tensor)
            and output.dim() in (4, 5)
            and all(size >= least for size, least in zip(output.shape[-2:], LEAST, strict=True))
        ):
            maps[:] = [output]

    was_training = network.training
    network.eval()
    hooks = [module.register_forward_hook(keep) for module in network.modules()]  # pyright: ignore[reportArgumentType]
    try:
        with torch.enable_grad():
            lengths = torch.tensor([frames.shape[1]])
            embedding = network.embed(frames.requires_grad_(), lengths)  # pyright: ignore[reportCallIssue]
            if not maps:
                raise UserError("this backbone has no feature map that is large enough for Grad-CAM")
            likeness = space(embedding)[0] @ other
            (gradient,) = torch.autograd.grad(likeness, maps[0])
    finally:
        for hook in hooks:
            hook.remove()
        network.train(was_training)
    spatial = maps[0].detach()
    if spatial.dim() == 5:
        # [1,C,T,h,w]: one weight for a channel over all frames, as the network shares it.
        weights = gradient.mean(dim=(2, 3, 4), keepdim=True)
        heat = (weights * spatial).sum(dim=1)[0]
    else:
        weights = gradient.mean(dim=(0, 2, 3), keepdim=True)
        heat = (weights * spatial).sum(dim=1)
    heat = F.interpolate(heat.relu()[None], size=FRAME, mode="bilinear", align_corners=False)[0]
    if len(heat) != frames.shape[1]:
        heat = F.interpolate(heat[None, None], size=(frames.shape[1], *FRAME), mode="nearest")[0, 0]
    top = heat.max()
    return (heat / top if top > 0 else heat).cpu().numpy()
