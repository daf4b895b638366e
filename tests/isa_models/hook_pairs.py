"""Run code under compiled and under Python hooks and compare the traces."""

from __future__ import annotations

import numpy as np

from isa_models import Buffer, Machine, Pointer


def both(image, arguments, buffers, capacity=64):
    """Run with either kind of hooks; check that they agree, and return the result."""
    results = [
        Machine(image, "native", trace_capacity=capacity).call("f", arguments, buffers, trace=True),
        Machine(image, "python").call("f", arguments, buffers, trace=True),
    ]
    native, plain = results
    assert native.trace is not None
    assert plain.trace is not None
    assert native.outputs == plain.outputs
    assert native.x0 == plain.x0
    assert native.instructions == plain.instructions == len(native.trace) == len(plain.trace)
    np.testing.assert_array_equal(native.trace.index, plain.trace.index)
    np.testing.assert_array_equal(native.trace.addresses_by_instruction, plain.trace.addresses_by_instruction)
    assert native.trace.index.dtype == plain.trace.index.dtype == np.int32
    assert native.trace.addresses_by_instruction.dtype == plain.trace.addresses_by_instruction.dtype == np.int64
    return native


def snippet_buffers():
    rng = np.random.default_rng(1)
    return [
        Buffer("input", rng.integers(0, 256, 8192, np.uint8)),
        Buffer("output", rng.integers(0, 256, 8192, np.uint8), writable=True),
    ]


MIDDLE = [Pointer("input", 1024), Pointer("output", 1024), 3, 16]
