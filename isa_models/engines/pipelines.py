"""What `run` needs of a pipeline, of whichever kind: the kind is chosen when `run` is compiled for it."""

from typing import Any

import numpy as np
from numba.extending import overload
from numpy.typing import NDArray

from isa_models.compilation import COMPILER_OPTIONS
from isa_models.engines import in_order, out_of_order
from isa_models.engines.counts import Charges, Counts
from isa_models.engines.events import Events

IntArray = NDArray[np.int64]
Pipeline = in_order.InOrderPipeline | out_of_order.OutOfOrderPipeline


def advance(
    pipeline: Pipeline,
    first: int,
    length: int,
    number: int,
    events: Events,
    fetched: int,
    mispredicted: int,
    target: int,
    counts: Counts,
    charges: Charges,
) -> None:
    """Time rows `first` to `first + length`; fills `charges`, and adds to `counts`.

    `number`: of the first of them in the trace; `fetched`: number of the last line fetched into L1 before;
    `mispredicted`: see `events.meet_branches`; `target`: row to which the last of them jumps, -1 if it does not.
    """
    _module(type(pipeline)).advance(
        pipeline, first, length, number, events, fetched, mispredicted, target, counts, charges
    )


def pack(pipeline: Pipeline, number: int, words: IntArray) -> int:
    """Write what can still influence the future to `words`; return how many words that are.

    `number`: of the next instruction in the trace.
    """
    size: int = _module(type(pipeline)).pack(pipeline, number, words)
    return size


def unpack(pipeline: Pipeline, number: int, base: int, words: IntArray, at: int) -> None:
    """Restore the pipeline that `pack` wrote to `words[at:]`, at cycle `base`."""
    _module(type(pipeline)).unpack(pipeline, number, base, words, at)


def clock(pipeline: Pipeline) -> int:
    """Return the cycle that `pack` and `events` count from."""
    cycle: int = _module(type(pipeline)).clock(pipeline)
    return cycle


def _module(kind: type) -> Any:
    return out_of_order if kind is out_of_order.OutOfOrderPipeline else in_order


# numba compares the parameters of an overload with those of what it returns, annotations included: here are none.


@overload(advance, jit_options=COMPILER_OPTIONS)
def _advance(  # type: ignore[no-untyped-def]
    pipeline, first, length, number, events, fetched, mispredicted, target, counts, charges
):
    function = _module(pipeline.instance_class).advance
    return lambda pipeline, first, length, number, events, fetched, mispredicted, target, counts, charges: function(
        pipeline, first, length, number, events, fetched, mispredicted, target, counts, charges
    )


@overload(pack, jit_options=COMPILER_OPTIONS)
def _pack(pipeline, number, words):  # type: ignore[no-untyped-def]
    function = _module(pipeline.instance_class).pack
    return lambda pipeline, number, words: function(pipeline, number, words)


@overload(unpack, jit_options=COMPILER_OPTIONS)
def _unpack(pipeline, number, base, words, at):  # type: ignore[no-untyped-def]
    function = _module(pipeline.instance_class).unpack
    return lambda pipeline, number, base, words, at: function(pipeline, number, base, words, at)


@overload(clock, jit_options=COMPILER_OPTIONS)
def _clock(pipeline):  # type: ignore[no-untyped-def]
    function = _module(pipeline.instance_class).clock
    return lambda pipeline: function(pipeline)
