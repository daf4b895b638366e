"""The arithmetic contract: the only definition of what a binary convolution computes.

Activations and weights are +1 and -1, stored as bits (bit 1 is -1), so a product is an XOR and the dot product over a
window of K products is ``dot = K - 2 * p`` where p is the number of ones among the K XORs.

Order. The window is walked by kernel row, kernel column, then channel block of 32, 64 or 128 bits (shorter blocks are
filled with zero bits on both sides, which add nothing). Inside a block the bits of byte lane n add up to 0..8 and
are added to lane n of the accumulator; the lanes of an output are summed after the last block, in the accumulator's
width. The count so accumulated is p', and an accumulator of w bits makes of p:

=========  ==============================================================  ===========================================
overflow   each addition                                                   in total (the order does not matter)
=========  ==============================================================  ===========================================
exact      never overflows: 8-bit lanes are widened to 16 bits in time     p' = p
saturate   stops at 2^w - 1                                                p' = min(p, 2^w - 1), as counts only grow
wrap       modulo 2^w                                                      p' = p modulo 2^w
=========  ==============================================================  ===========================================

Reading back. Exact and saturating counts give ``y = K - 2 * p'``. A wrapped count is read back centred on the middle of
its range, ``h = (K // 2 - p') modulo 2^w`` as a signed number, ``y = 2 * h + K % 2``: it is exact while
``-2^w <= dot - K % 2 <= 2^w - 2``, a range centred on zero, where the dot products of a trained network lie.

Running sums, overflow `running`, 8 bits only, are another way to count: no lanes, but one signed byte an output, which
the blocks of the window change in the order above. Block b has n_b real channels, 128 or the 1 to 128 that are left for
the last block of a pixel, and adds ``h_b = n_b // 2 - p_b`` where p_b is the number of ones among its XORs:
``sum = min(max(sum + h_b, -128), 127)`` from 0 on. Read back, ``y = 2 * sum + (n_0 % 2 + n_1 % 2 + ...)``. A sum that
never reaches a bound gives ``y = dot``, as the n_b add up to K and the p_b to p; one that does stops and goes on from
there, so y depends on the order and is no function of the dot product. In any case ``-K <= y <= K``, as no sum is
beyond that of the largest or of the least h_b that blocks of these sizes can have.

Clipping. With a clip c the output is ``min(max(y, -c), c)``. The output type must hold every value.

`kernels_asm.oracle` executes the order above; `EndValue` is the total, which running sums too have where no order can
make a difference. Tests prove that they agree.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kernels_asm.errors import InputError
from kernels_asm.packing import block_sizes
from kernels_asm.shape import ConvShape

ACCUMULATORS = (8, 16, 32)
"""Accumulator widths in bits."""

LARGEST_CLIP = 32767
"""Largest clip: the clipped value must fit a 16-bit lane."""

LARGEST_NARROW_WINDOW = 32767
"""Largest window with an 8-bit or 16-bit output: the dot product is formed in 16-bit lanes."""

LARGEST_EXACT_WINDOW = {8: 65535, 16: 65535, 32: 2**31 - 1}
"""Largest window per accumulator under `exact`; 8-bit lanes are widened into 16-bit lanes."""

RUNNING_BOUNDS = (-128, 127)
"""Where a running sum stops."""


class Overflow(StrEnum):
    """What an accumulator does when a sum exceeds its width."""

    EXACT = "exact"
    SATURATE = "saturate"
    WRAP = "wrap"
    RUNNING = "running"


OVERFLOWS_OF = {
    8: (Overflow.EXACT, Overflow.SATURATE, Overflow.WRAP, Overflow.RUNNING),
    16: (Overflow.EXACT, Overflow.SATURATE, Overflow.WRAP),
    32: (Overflow.EXACT,),
}
"""The overflow policies that an accumulator of that width can have."""


class OutputType(StrEnum):
    """Element type of the output feature map."""

    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"

    @property
    def bits(self) -> int:
        """Width of an element in bits."""
        return int(self.value.removeprefix("int"))

    @property
    def dtype(self) -> np.dtype[np.signedinteger]:
        """Little-endian NumPy type of an element."""
        return np.dtype(f"<i{self.bits // 8}")


@dataclass(frozen=True, slots=True)
class EndValue:
    """The output as a function of the exact dot product: ``clamp(off - ((off - dot) mod modulus), lo, hi)``.

    Canonical: two arithmetics that compute the same function of the dot products that a window of K can have
    (-K, -K + 2, ..., K) have equal end values, so that work which depends on the function alone is done once.
    """

    off: int
    modulus: int
    lo: int
    hi: int

    def apply(self, dot: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the outputs, int64 of the same shape, for exact dot products of any shape."""
        wide = dot.astype(np.int64)
        return np.clip(self.off - (self.off - wide) % self.modulus, self.lo, self.hi)


@dataclass(frozen=True, slots=True)
class RunningSums:
    """Outputs of running sums that depend on the order of the blocks, clamped to [lo, hi].

    Both bounds are outputs that the layer can have, so that, as with end values, those of one layer are equal if and
    only if they are one function.
    """

    lo: int
    hi: int


LayerFunction: TypeAlias = EndValue | RunningSums
"""What a layer computes of its signs and weights. Work that depends on nothing else of the arithmetic is done once."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How one layer accumulates and what it puts out.

    Raises InputError for a width, policy, clip or output type that no kernel can have.
    """

    accumulator: int
    overflow: Overflow = Overflow.EXACT
    clip: int | None = None
    output: OutputType = OutputType.INT32

    def __post_init__(self) -> None:
        if self.accumulator not in ACCUMULATORS:
            raise InputError(f"accumulator width {self.accumulator}: give one of {', '.join(map(str, ACCUMULATORS))}")
        if self.accumulator == 32 and self.overflow is not Overflow.EXACT:
            raise InputError(f"a 32-bit accumulator never overflows, so {self.overflow} means nothing: give exact")
        if self.overflow not in OVERFLOWS_OF[self.accumulator]:
            raise InputError(f"{self.overflow} sums are bytes, not {self.accumulator} bits wide: give 8 bits")
        if self.clip is not None and not 1 <= self.clip <= LARGEST_CLIP:
            raise InputError(f"clip {self.clip}: give 1 to {LARGEST_CLIP}, or none")
        if self.output is OutputType.INT8 and (self.clip is None or self.clip > 127):
            raise InputError(f"int8 output needs a clip of 1 to 127, not {self.clip or 'none'}: clip it or widen it")

    def check_window(self, window: int) -> None:
        """Raise InputError, with the reason, if a window of that many products cannot be computed so."""
        if self.overflow is Overflow.EXACT and window > LARGEST_EXACT_WINDOW[self.accumulator]:
            raise InputError(
                f"a {self.accumulator}-bit accumulator cannot hold a window of {window} products exactly (at most "
                f"{LARGEST_EXACT_WINDOW[self.accumulator]}): widen it, or let it saturate or wrap"
            )
        if window > LARGEST_EXACT_WINDOW[32]:
            raise InputError(f"a window of {window} products exceeds {LARGEST_EXACT_WINDOW[32]}: make it smaller")
        if self.output is not OutputType.INT32 and window > LARGEST_NARROW_WINDOW:
            raise InputError(
                f"{self.output} output of a window of {window} products (at most {LARGEST_NARROW_WINDOW}): "
                "give output int32"
            )

    def layer_function(self, shape: ConvShape) -> LayerFunction:
        """Return the function that a layer of that shape computes, canonical.

        Raises InputError as `check_window`, and for running sums over a padding of 0.
        """
        if self.overflow is not Overflow.RUNNING:
            return self.end_value(shape.window)
        self.check_window(shape.window)
        shape.check_padding("a running sum")
        return self._running_function(shape)

    def _running_function(self, shape: ConvShape) -> LayerFunction:
        """Return the end value, exact and clamped, where running sums have that one, else the running sums.

        Let y = 2 s + odd be read back from the sum s, and [lo, hi] hold the outputs, the clip included. Let t be the
        first block after which some input's sum has been beyond 127 before it was stopped there; the blocks after t
        take away at most D in all. Whenever a sum is first stopped, at t or later, what is left takes away at most D.

        If 2 (127 - D) + odd >= hi, then a sum that is first stopped at 127 ends at 127 - D or more, as being stopped
        at -128 later can only raise it, and so puts out hi. The exact sum had at least 128 at that block and ends at
        128 - D or more, so its output is clamped to hi too: stopping made no difference. So it is, with the signs
        turned, for -128, lo, and what the blocks after the first stop at -128 can add at most. A sum that never stops
        is exact. Both conditions hold where no sum can reach beyond a bound (there is no t), where only the last block
        can (D = 0), and for a small clip where most blocks have gone by before the sum is large.

        Else the order matters. Let the first t blocks add all that they can, and the others take away d, the least
        with 2 (127 - d) + odd < hi. The output is below hi, and the exact sum 128 - d or more, which would put out hi.
        Spread that dot product over the blocks without a change of sign, and the sum ends where the exact one does or
        at 127, which puts out hi: two outputs of one dot product.
        """
        sizes = block_sizes(shape.channels_in) * (shape.kernel_height * shape.kernel_width)
        adds, takes = [size // 2 for size in sizes], [size - size // 2 for size in sizes]
        odd = sum(size % 2 for size in sizes)
        least, most = RUNNING_BOUNDS
        lo, hi = self._clipped(2 * max(-sum(takes), least) + odd, 2 * min(sum(adds), most) + odd)
        from_most, from_least = _end_after_stop(adds, takes, most), -_end_after_stop(takes, adds, -least)
        if lo == hi or (2 * from_most + odd >= hi and 2 * from_least + odd <= lo):
            return EndValue(shape.window, 2 * shape.window + 1, lo, hi)
        return RunningSums(lo, hi)

    def end_value(self, window: int) -> EndValue:
        """Return the canonical end value for a window of that many products.

        Raises InputError as `check_window`, and for running sums, which may have none: see `layer_function`.
        """
        self.check_window(window)
        if self.overflow is Overflow.RUNNING:
            raise InputError(
                f"{self.overflow} sums depend on the order of their terms, not on the dot product alone: "
                f"give {', '.join(policy for policy in Overflow if policy is not Overflow.RUNNING)}"
            )
        off, modulus, lo, hi = window, 2 * window + 1, -window, window
        if self.overflow is Overflow.SATURATE:
            lo = window - 2 * min(window, (1 << self.accumulator) - 1)
        elif self.overflow is Overflow.WRAP and self._can_wrap(window):
            off = (1 << self.accumulator) - 2 + window % 2
            modulus = 2 << self.accumulator
            lo, hi = off - modulus + 2, off
        return EndValue(off, modulus, *self._clipped(lo, hi))

    def _clipped(self, lo: int, hi: int) -> tuple[int, int]:
        """Return the least and the largest output, given those without a clip."""
        return (lo, hi) if self.clip is None else (min(max(lo, -self.clip), self.clip), min(hi, self.clip))

    def _can_wrap(self, window: int) -> bool:
        half = 1 << (self.accumulator - 1)
        return window // 2 > half - 1 or window // 2 - window < -half


def _end_after_stop(towards: list[int], back: list[int], bound: int) -> int:
    """Return the least that a sum can end at once it has been stopped at `bound`, or `bound` if it never is.

    Args:
        towards: What each block moves the sum at most towards the bound, in order.
        back: What each block moves it at most the other way.
        bound: The bound, above 0.

    """
    left = sum(back)
    for reached, step in zip(accumulate(towards), back, strict=True):
        left -= step
        if reached > bound:
            return bound - left
    return bound
