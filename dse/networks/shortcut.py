"""Shortcuts around binary convolutions."""

from __future__ import annotations

from dataclasses import dataclass

from dse.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A feature map that is added to a later one; it is described by the layer at whose end it is added.

    Average pooling over windows of `pool` x `pool` pixels makes it smaller; a window that the border cuts off is the
    mean of what it holds. More channels come from repeating all of them (as free as it can be), or from a convolution
    of 1x1 in floating point with batch norm behind the pooling, as in Bi-Real Net (Liu et al., arXiv 1808.00278).

    Attributes:
        spans: Binary convolutions that it goes around: 1, or 2, the layer that describes it being the last.
        height: Rows of the map where it begins.
        width: Columns there.
        channels_in: Channels there.
        channels_out: Channels where it ends.
        pool: Rows and columns of a window of the average pooling, 1 for none.
        projects: Whether a convolution makes the channels.

    Raises UsageError if the channels cannot be made so.
    """

    spans: int
    height: int
    width: int
    channels_in: int
    channels_out: int
    pool: int = 1
    projects: bool = False

    def __post_init__(self) -> None:
        if self.spans not in (1, 2):
            raise UsageError(f"shortcut around {self.spans} binary convolutions: give 1 or 2")
        if not self.projects and self.channels_out % self.channels_in:
            raise UsageError(
                f"shortcut from {self.channels_in} to {self.channels_out} channels: give a multiple, or a projection"
            )

    @property
    def copies(self) -> int:
        """How often the channels are repeated."""
        return 1 if self.projects else self.channels_out // self.channels_in

    @property
    def out_height(self) -> int:
        """Rows where it ends."""
        return -(-self.height // self.pool)

    @property
    def out_width(self) -> int:
        """Columns where it ends."""
        return -(-self.width // self.pool)

    @property
    def multiply_adds(self) -> int:
        """Those of pooling, one for each pixel of a window, and of projection with batch norm."""
        pixels = self.out_height * self.out_width
        pooled = pixels * self.channels_in * self.pool**2 if self.pool > 1 else 0
        return pooled + (pixels * self.channels_out * (self.channels_in + 1) if self.projects else 0)

    @property
    def float_parameters(self) -> int:
        """Those of projection and batch norm."""
        return self.channels_out * (self.channels_in + 2) if self.projects else 0
