"""The reference kernels, run on the emulated machine, give their oracles' output bit for bit."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dse.references
from dse.errors import KernelMismatchError
from dse.references import (
    run_indirect_16bit,
    run_one_channel_direct,
    time_indirect_16bit,
    time_one_channel_direct,
)
from isa_models import load_core
from kernels_asm import ConvShape
from tests.conformance.conv_cases import signs
from tests.fuzz import examples

SHARES = [0.0, 0.03, 0.5, 0.97, 1.0]


def run_both(shape: ConvShape, seed: int, shares: tuple[float, float] = (0.5, 0.5)) -> None:
    """Run both kernels between guard pages that begin where the buffers end; each checks its output."""
    rng = np.random.default_rng(seed)
    activations = signs(rng, (shape.height, shape.width, shape.channels_in), shares[0])
    filters = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
    weights = signs(rng, filters, shares[1])
    multipliers, biases = rng.normal(size=(2, shape.channels_out)).astype(np.float32)
    indirect = run_indirect_16bit(shape, activations, weights, multipliers, biases, alignment=1)
    direct = run_one_channel_direct(shape, activations, weights, alignment=1)
    # The oracles share their dot products: one kernel's output must also be the other's.
    assert np.array_equal(indirect.output, direct.output * multipliers + biases)


SHAPES = {
    "one-product": ConvShape(1, 1, 1, 1, 1, 1, 1, 0),
    "half-register": ConvShape(4, 4, 64, 8),
    "one-bit-more": ConvShape(4, 4, 65, 8),
    "whole-register": ConvShape(4, 4, 128, 8),
    "rest-of-a-block": ConvShape(3, 5, 200, 9),
    "rest-of-every-tile": ConvShape(3, 3, 7, 5),
    "one-pixel-more-than-a-tile": ConvShape(1, 5, 130, 17),
    "strided": ConvShape(9, 7, 96, 12, stride=2),
    "stride-over-a-gap": ConvShape(9, 8, 33, 4, kernel_height=2, kernel_width=1, stride=3, padding=0),
    "window-of-25": ConvShape(5, 6, 64, 3, kernel_height=5, kernel_width=5, padding=2),
    "window-of-26": ConvShape(13, 3, 40, 3, kernel_height=13, kernel_width=2, padding=1),
    "window-of-49": ConvShape(7, 8, 130, 2, kernel_height=7, kernel_width=7, padding=3),
    "window-wider-than-a-part": ConvShape(1, 60, 20, 2, kernel_height=1, kernel_width=55, padding=0),
    "window-of-4608": ConvShape(2, 2, 512, 9),
}


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)], ids=str)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_named_layers(shape: ConvShape, shares: tuple[float, float]) -> None:
    run_both(shape, 1, shares)


@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    channels_in=st.one_of(st.integers(1, 140), st.sampled_from([64, 128, 192, 256, 512])),
    channels_out=st.integers(1, 20),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    shares=st.tuples(*[st.sampled_from(SHARES)] * 2),
    seed=st.integers(0, 2**32),
)
def test_random_layers(
    height: int,
    width: int,
    channels_in: int,
    channels_out: int,
    kernel: tuple[int, int],
    stride: int,
    padding: int,
    shares: tuple[float, float],
    seed: int,
) -> None:
    height, width = max(height, kernel[0] - 2 * padding), max(width, kernel[1] - 2 * padding)
    run_both(ConvShape(height, width, channels_in, channels_out, *kernel, stride, padding), seed, shares)


@pytest.mark.parametrize("window", [254, 255, 256, 32767, 32768, 65535])
def test_counts_up_to_the_largest_of_16_bits(window: int) -> None:
    run_both(ConvShape(1, 2, window, 5, 1, 1, 1, 0), 0, (1.0, 0.0))


@pytest.mark.parametrize("kernel", ["indirect_16bit", "one_channel_direct"])
def test_a_wrong_output_is_told(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = getattr(getattr(dse.references, kernel), kernel)

    def off_by_one(*arguments: object) -> np.ndarray:
        expected = oracle(*arguments)
        expected[1, 0, 2] += 1
        return expected

    monkeypatch.setattr(getattr(dse.references, kernel), kernel, off_by_one)
    time = {"indirect_16bit": time_indirect_16bit, "one_channel_direct": time_one_channel_direct}[kernel]
    with pytest.raises(KernelMismatchError, match="1 of 36 outputs differ, the first at row 1, column 0, channel 2"):
        time(ConvShape(3, 3, 16, 4), load_core("cortex-a72"))


@pytest.mark.parametrize("core", ["cortex-a53", "cortex-a72"])
@pytest.mark.parametrize("shape", [ConvShape(8, 8, 128, 32), ConvShape(8, 8, 64, 32)], ids=str)
def test_timings_lie_below_what_three_vector_operations_allow(shape: ConvShape, core: str) -> None:
    """At least EOR, CNT and an addition for 128 products: one a cycle on a Cortex-A53, 1.5 on a Cortex-A72."""
    most = {"cortex-a53": 128 / 3, "cortex-a72": 64}[core]
    indirect = time_indirect_16bit(shape, load_core(core))
    direct = time_one_channel_direct(shape, load_core(core))
    assert (indirect.kernel, direct.kernel) == ("indirect_16bit_8x4", "one_channel_direct")
    assert direct.products_per_cycle < indirect.products_per_cycle < most
    assert direct.products_per_cycle == shape.products / direct.simulation.cycles > 5
