"""Every variant of the int8 convolution, run on the emulated machine, gives the exact integers."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dse.int8_emulation
from dse.errors import KernelMismatchError, UsageError
from dse.int8_emulation import run_int8, time_int8
from isa_models import InputError as IsaInputError
from isa_models import load_core, time_trace
from kernels_asm import ConvShape
from kernels_asm.int8_conv import LARGEST_WINDOW, Int8Path, Int8Tile, Int8Variant, int8_conv, legal_int8_tiles
from tests.fuzz import examples

VARIANTS = [(path, tile) for path in Int8Path for tile in legal_int8_tiles(path)]
SHAPES = [
    ConvShape(3, 5, 7, 5),
    ConvShape(1, 1, 1, 1, 1, 1, 1, 0),
    ConvShape(5, 4, 64, 20, stride=2),
    ConvShape(4, 4, 17, 9),
    ConvShape(6, 7, 33, 3, kernel_height=5, kernel_width=2, stride=2, padding=2),
    ConvShape(2, 2, 512, 17),  # 4,608 products
]


def data(shape: ConvShape, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    filters = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
    inputs = (shape.height, shape.width, shape.channels_in)
    return rng.integers(-128, 128, inputs, np.int8), rng.integers(-127, 128, filters, np.int8)


def sums_in_python(activations: np.ndarray, weights: np.ndarray, shape: ConvShape) -> np.ndarray:
    """The sums, product by product, leaving padding out instead of multiplying by zero."""
    sums = np.zeros((shape.out_height, shape.out_width, shape.channels_out), object)
    for row, column, down, right in np.ndindex(*sums.shape[:2], shape.kernel_height, shape.kernel_width):
        y, x = row * shape.stride + down - shape.padding, column * shape.stride + right - shape.padding
        if 0 <= y < shape.height and 0 <= x < shape.width:
            sums[row, column] += weights[:, down, right].astype(object) @ activations[y, x].astype(object)
    return sums


@pytest.mark.parametrize(("path", "tile"), VARIANTS, ids=lambda value: str(value))
def test_every_tile_and_shape(path: Int8Path, tile: Int8Tile) -> None:
    for number, shape in enumerate(SHAPES):
        shift = (None, 8, 0, 11)[(number + tile.pixels) % 4]
        run_int8(shape, Int8Variant(path, tile, shift), *data(shape, number), alignment=1)


def test_all_tiles_that_fit_the_registers_were_run() -> None:
    assert {tile.channels: tile.pixels for path, tile in VARIANTS if path is Int8Path.SMULL} == {4: 6, 8: 3, 16: 1}
    assert {tile.channels: tile.pixels for path, tile in VARIANTS if path is Int8Path.SDOT} == {4: 8, 8: 8, 16: 5}
    assert len(VARIANTS) == 10 + 21


@settings(deadline=None, max_examples=examples(80), suppress_health_check=[HealthCheck.too_slow])
@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    channels_in=st.one_of(st.integers(1, 50), st.sampled_from([64, 128])),
    channels_out=st.integers(1, 20),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    variant=st.sampled_from(VARIANTS),
    shift=st.one_of(st.none(), st.sampled_from([0, 1, 8, 12, 31])),
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
    variant: tuple[Int8Path, Int8Tile],
    shift: int | None,
    seed: int,
) -> None:
    height, width = max(height, kernel[0] - 2 * padding), max(width, kernel[1] - 2 * padding)
    shape = ConvShape(height, width, channels_in, channels_out, *kernel, stride, padding)
    inputs = data(shape, seed)
    run = run_int8(shape, Int8Variant(*variant, shift), *inputs, alignment=1)
    if shift is None:
        assert np.array_equal(run.output, sums_in_python(*inputs, shape))


@pytest.mark.parametrize("activation", [-128, 127])
@pytest.mark.parametrize("weight", [-127, 127])
@pytest.mark.parametrize("window", [1, 16, 17, 576, 4608, LARGEST_WINDOW])
@pytest.mark.parametrize("path", Int8Path)
def test_largest_products(path: Int8Path, window: int, weight: int, activation: int) -> None:
    """Two of them fill the 16 bits in which path smull adds them, as many as may be the 32 bits of a sum."""
    shape = ConvShape(1, 2, window, 5, 1, 1, 1, 0)
    activations, weights = np.full((1, 2, window), activation), np.full((5, 1, 1, window), weight)
    run = run_int8(shape, Int8Variant(path, Int8Tile(4, 2)), activations, weights, alignment=1)
    assert set(run.output.ravel().tolist()) == {window * weight * activation}
    bits = max(abs(window * weight * activation).bit_length() - 7, 0)  # where saturation begins
    run_int8(shape, Int8Variant(path, Int8Tile(4, 2), bits), activations, weights, alignment=1)


@pytest.mark.parametrize("shift", [0, 1, 2, 7])
@pytest.mark.parametrize("path", Int8Path)
def test_halves_are_rounded_up_and_what_does_not_fit_saturates(path: Int8Path, shift: int) -> None:
    shape = ConvShape(16, 16, 1, 1, 1, 1, 1, 0)
    activations = np.arange(-128, 128).reshape(16, 16, 1)
    for weight in (1, -1, 3):
        run = run_int8(shape, Int8Variant(path, Int8Tile(4, 4), shift), activations, np.full((1, 1, 1, 1), weight))
        sums = [weight * value for value in range(-128, 128)]
        rounded = [(2 * value + 2**shift) // 2 ** (shift + 1) for value in sums]
        assert run.output.ravel().tolist() == [min(max(value, -128), 127) for value in rounded]


def test_a_wrong_output_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def off_by_one(*arguments: object) -> np.ndarray:
        expected = int8_conv(*arguments)
        expected[1, 0, 2] += 1
        return expected

    monkeypatch.setattr(dse.int8_emulation, "int8_conv", off_by_one)
    shape = ConvShape(3, 3, 16, 4)
    with pytest.raises(
        KernelMismatchError, match=r"int8_conv-smull-int32-4x4 .* the first at row 1, column 0, channel"
    ):
        run_int8(shape, Int8Variant(Int8Path.SMULL, Int8Tile(4, 4)), *data(shape, 1))


@pytest.mark.parametrize("name", ["cortex-a53", "cortex-a72"])
def test_dot_products_are_refused_on_a_core_without_them(name: str) -> None:
    shape, core = ConvShape(3, 3, 16, 4), load_core(name)
    variant = Int8Variant(Int8Path.SDOT, Int8Tile(4, 4))
    with pytest.raises(UsageError, match=f"path sdot needs the ISA feature 'dotprod', which {name} has not: choose"):
        time_int8(shape, variant, core)
    run = run_int8(shape, variant, *data(shape, 1))
    with pytest.raises(IsaInputError, match=rf"int8_conv\.S:\d+ .*sdot .* needs the ISA feature 'dotprod', {name} has"):
        time_trace(run.trace, core)


@pytest.mark.parametrize(
    ("path", "name", "most"),
    [
        (Int8Path.SMULL, "cortex-a53", 4),  # SMULL, SMLAL2 and twice SADALP for 16 products
        (Int8Path.SMULL, "cortex-a72", 8),  # two multiplications on one port for 16 products
        (Int8Path.SDOT, "neoverse-n1", 32),  # two operations of 16 products a cycle
    ],
)
def test_default_tiles_come_near_what_the_multiplications_allow(path: Int8Path, name: str, most: int) -> None:
    shape = ConvShape(8, 8, 64, 64)
    timing = time_int8(shape, Int8Variant(path, path.default_tile), load_core(name))
    assert 0.75 * most < timing.products_per_cycle < most
    assert timing.products_per_cycle == shape.products / timing.simulation.cycles
