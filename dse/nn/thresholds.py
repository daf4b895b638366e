"""Batch norm and sign as one threshold a channel, as `kernels_asm.threshold` defines it, for evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kernels_asm.threshold import Thresholds, fold_batch_norm


class FoldedNorm:
    """The thresholds of a batch norm behind sums of `window` products; folded anew after its numbers have changed."""

    def __init__(self, norm: nn.BatchNorm2d, window: int) -> None:
        self._norm = norm
        self._window = window
        self._folded_from: tuple[Tensor, ...] = ()
        self._thresholds: Thresholds | None = None

    def thresholds(self) -> Thresholds:
        """Return limits and flips; every bit is that of the batch norm in real numbers."""
        norm = self._norm
        if norm.running_mean is None or norm.running_var is None:
            raise ValueError("a batch norm without running statistics cannot be folded")
        numbers = tuple(tensor.detach() for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var))
        unchanged = self._folded_from and all(map(torch.equal, numbers, self._folded_from))
        if self._thresholds is None or not unchanged:
            self._folded_from = tuple(number.clone() for number in numbers)
            gamma, beta, mean, variance = (number.cpu().numpy() for number in self._folded_from)
            self._thresholds = fold_batch_norm(gamma, beta, mean, variance, norm.eps, self._window)
        return self._thresholds

    def signs(self, sums: Tensor) -> Tensor:
        """Return +1 and -1 for whole sums (N, C, H, W), in their type."""
        folded = self.thresholds()
        limits = torch.from_numpy(folded.limits).to(sums.device).view(1, -1, 1, 1)
        flips = torch.from_numpy(folded.flips).to(sums.device).view(1, -1, 1, 1)
        return 1 - 2 * ((sums <= limits) ^ flips).to(sums.dtype)
