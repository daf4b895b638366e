"""What follows the batch norm and the shortcut of a binary block, where something does."""

from enum import StrEnum


class Activation(StrEnum):
    """A function of each value y, with numbers for each channel where it has any."""

    NONE = "none"
    RELU = "relu"
    """max(y, 0)."""
    PRELU = "prelu"
    """y where y >= 0, slope * y below."""
    RPRELU = "rprelu"
    """PReLU of y + before, plus after (ReActNet, Liu et al., arXiv 2003.03488)."""
