"""What repairs cost on the device: arithmetic on feature maps, for each element of a block's output.

Measured against a plain block: sign (a compare), binary convolution and batch norm (a multiplication and an addition,
which one instruction can do). Loads are not counted: but for shortcuts, which read a second map, they are those of
a plain block and of numbers for each channel.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from dse.networks.repairs import Activation, Normalisation, Repairs, repair_choices


@dataclass(frozen=True, slots=True)
class Operations:
    """Operations for one element of a block's output; negative where a plain block has more.

    Attributes:
        adds: Additions and subtractions.
        multiplies: Multiplications.
        compares: Comparisons.
        selects: Choices of one of two values.
        bit_operations: Logical operations on packed signs, of which a vector holds 128.

    """

    adds: float = 0
    multiplies: float = 0
    compares: float = 0
    selects: float = 0
    bit_operations: float = 0

    def __add__(self, other: Operations) -> Operations:
        return Operations(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))

    def __str__(self) -> str:
        counts = ((field.name.replace("_", " "), getattr(self, field.name)) for field in fields(self))
        return ", ".join(f"{count:+g} {name}" for name, count in counts if count) or "none"


@dataclass(frozen=True, slots=True)
class RepairCost:
    """One choice of one option.

    Attributes:
        option: Name of the option, as `Repairs.parse` reads it.
        choice: Its value.
        written: Operations of the network as it is described and trained.
        folded: What is left of them once constants are folded into their neighbours, with batch norm behind the
            convolution.
        channel_numbers: Numbers for each channel that the folded form loads, beyond a plain block's two.
        reason: Where the operations come from, and why they can be folded.

    """

    option: str
    choice: str
    written: Operations
    folded: Operations
    channel_numbers: int
    reason: str


_NONE = Operations()
_TRAINING_ONLY = "only training sees it: the device compares and packs as ever"
_PLAIN = "what a plain block has"

REPAIR_COSTS: tuple[RepairCost, ...] = (
    *(RepairCost("estimator", choice, _NONE, _NONE, 0, _TRAINING_ONLY) for choice in repair_choices()["estimator"]),
    RepairCost("learned-threshold", "no", _NONE, _NONE, 0, _PLAIN),
    RepairCost(
        "learned-threshold",
        "yes",
        Operations(adds=1),
        _NONE,
        1,
        "x - t >= 0 is x >= t: the sign compares with a number for each channel instead of 0; where nothing else reads "
        "the features, it goes into the bias of the batch norm in front and the block stays a threshold of whole sums",
    ),
    RepairCost("weight-scale", "no", _NONE, _NONE, 0, _PLAIN),
    RepairCost(
        "weight-scale",
        "yes",
        Operations(multiplies=1),
        _NONE,
        0,
        "goes into the factor of the batch norm behind, also past a ReLU and a maximum of sums, as it is not negative; "
        "with normalisation=before it takes the place of the constant factor",
    ),
    RepairCost("normalisation", "after", _NONE, _NONE, 0, _PLAIN),
    RepairCost(
        "normalisation",
        "before",
        Operations(multiplies=1),
        Operations(adds=-1, bit_operations=1),
        0,
        "behind the convolution only a factor is left, and no bias; batch norm and sign together compare with a number "
        "for each channel, and where its factor is negative the bit is turned, by an EOR of the packed signs",
    ),
    RepairCost("activation", "none", _NONE, _NONE, 0, _PLAIN),
    RepairCost(
        "activation",
        "relu",
        Operations(compares=1, selects=1),
        Operations(compares=1, selects=1),
        0,
        "both are one instruction, a maximum with 0",
    ),
    RepairCost(
        "activation",
        "prelu",
        Operations(multiplies=1, compares=1, selects=1),
        Operations(multiplies=1, compares=1, selects=1),
        1,
        "x or slope x, as x is above 0 or not; where the learned slope is at most 1 it is one maximum of the two",
    ),
    RepairCost(
        "activation",
        "rprelu",
        Operations(adds=2, multiplies=1, compares=1, selects=1),
        Operations(adds=1, multiplies=1, compares=1, selects=1),
        2,
        "PReLU and two shifts: the first goes into the bias of the batch norm, as only the shortcut's sum is between; "
        "the second stays, as the next shortcut starts behind it",
    ),
    RepairCost("residual", "none", _NONE, _NONE, 0, _PLAIN),
    RepairCost(
        "residual",
        "single",
        Operations(adds=0.5),
        Operations(adds=0.5),
        0,
        "an addition for each element of every second block, and a second map to load; where the map shrinks or "
        "widens, also what `Shortcut.multiply_adds` counts",
    ),
    RepairCost(
        "residual",
        "double",
        Operations(adds=1),
        Operations(adds=1),
        0,
        "an addition for each element, and a second map to load; where the map shrinks or widens, also what "
        "`Shortcut.multiply_adds` counts",
    ),
)
"""Every choice of every option, in the order of `Repairs`."""


def repair_cost(option: str, choice: str) -> RepairCost:
    """Return the row of a choice; both as `Repairs.parse` reads them."""
    return next(row for row in REPAIR_COSTS if (row.option, row.choice) == (option, choice))


def folded_operations(repairs: Repairs) -> Operations:
    """Return what a block with these repairs does for each element of its output beyond a plain block, folded."""
    total = Operations()
    for part in str(repairs).split(","):
        total += repair_cost(*part.split("=")).folded
    if repairs.normalisation is Normalisation.BEFORE and repairs.activation is Activation.RPRELU:
        total += Operations(adds=1)  # no batch norm in front that the first shift could go into
    return total
