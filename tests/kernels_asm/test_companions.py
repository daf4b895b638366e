"""Argument blocks, layouts and oracles of the companions of the binary convolution."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels_asm import InputError
from kernels_asm.activation import Activation
from kernels_asm.arguments import ArgumentBlock
from kernels_asm.companions import float_batch_norm, int8_batch_norm, max_pool_bits, pack_bits, residual_add
from kernels_asm.companions.bit_map import BitMap, pack_signs
from kernels_asm.companions.channel_groups import Walk, in_groups
from kernels_asm.companions.float_batch_norm import FloatParameters
from kernels_asm.companions.max_pool_bits import PoolShape
from kernels_asm.packing import pixel_bytes, unpack_bits

BLOCKS = [
    pack_bits.PACK_BITS,
    residual_add.RESIDUAL_ADD,
    float_batch_norm.FLOAT_BATCH_NORM,
    int8_batch_norm.INT8_BATCH_NORM,
    max_pool_bits.MAX_POOL_BITS,
]


def test_a_c_compiler_agrees_on_every_offset(tmp_path: Path) -> None:
    headers = "\n".join(block.c_header() for block in BLOCKS)
    checks = [
        f'_Static_assert(offsetof(struct {block.function}_arguments, {name}) == {offset}, "{name}");'
        for block in BLOCKS
        for name, offset in block.offsets.items()
    ]
    source = tmp_path / "check.c"
    source.write_text("\n".join(["#include <stddef.h>", headers, *checks]))
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-musl", "-c", str(source)]
    done = subprocess.run([*command, "-o", str(tmp_path / "check.o")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(checks) > 40


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.function)
def test_a_block_names_the_file_and_the_kernel(block: ArgumentBlock) -> None:
    root = Path(pack_bits.__file__).parents[2]
    assert f'"{block.function}",' in (root / block.origin).read_text()


@given(width=st.integers(1, 20), channels=st.integers(1, 600))
def test_a_walk_covers_every_channel_of_a_row(width: int, channels: int) -> None:
    bits = BitMap(3, width, channels)
    for walk in (Walk.by_pixels(bits), Walk.by_rows(bits)):
        symbols, values = walk.symbols(), walk.argument_values(bits)
        groups = values["whole_blocks"] * symbols["BLOCK_BYTES"] // 2 + symbols["REST_GROUPS"]
        covered = values["row_pixels"] * (16 * groups + values["last_channels"])
        assert covered == width * channels
        assert symbols["HAS_LAST"] == (values["last_channels"] > 0)
        blocks = values["whole_blocks"] + (symbols["REST_GROUPS"] + symbols["HAS_LAST"] > 0)
        assert values["row_pixels"] * blocks * symbols["BLOCK_BYTES"] == width * pixel_bytes(channels)


def test_rows_are_one_long_pixel_only_where_no_fill_bits_lie_between_pixels() -> None:
    assert Walk.by_rows(BitMap(2, 7, 128)) == Walk(896, 1)
    assert Walk.by_rows(BitMap(2, 6, 64)) == Walk(384, 1)
    assert Walk.by_rows(BitMap(2, 7, 64)) == Walk(64, 7)  # 448 channels would end with half a block of 128
    assert Walk.by_rows(BitMap(2, 7, 192)) == Walk(192, 7)


def test_the_inside_of_a_map_is_where_its_values_say() -> None:
    bits = BitMap(2, 3, 70, border=2)
    packed = np.zeros(bits.shape, np.uint8)
    bits.inside(packed)[...] = 1
    values = bits.place_values()
    flat = np.zeros(packed.size, np.uint8)
    at = values["bits_start"]
    for _ in range(values["rows"]):
        flat[at : at + values["row_pixels"] * 16] = 1
        at += values["row_pixels"] * 16 + values["bits_row_skip"]
    assert np.array_equal(flat, packed.ravel())


def test_only_what_is_less_than_zero_is_minus_one() -> None:
    specials = np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1e-45, -1e-45], np.float32)
    assert unpack_bits(pack_signs(specials), 8).tolist() == [1, 1, 1, 1, 1, -1, 1, -1]


def test_parameters_are_grouped_by_16_channels_and_filled_with_zeros() -> None:
    assert in_groups(np.arange(1, 18)).tolist() == [list(range(1, 17)), [17] + [0] * 15]
    floats = FloatParameters(np.full(17, 2, np.float32), np.full(17, 3, np.float32)).pack()
    assert floats.shape == (2, 2, 16)
    assert floats[:, :, 0].tolist() == [[2, 3], [2, 3]]
    assert not floats[1, :, 1:].any()
    integers = int8_batch_norm.pack_parameters(np.full(17, 5), np.full(17, 6), np.full(17, 7))
    assert integers.shape == (2, 3, 16)
    assert integers[:, :, 0].tolist() == [[5, -6, 7], [5, -6, 7]]
    assert not integers[1, :, 1:].any()


def test_residual_sums_are_held_at_the_ends_of_a_byte() -> None:
    left, right = np.array([100, -100, 5], np.int8), np.array([100, -100, -7], np.int8)
    assert residual_add.oracle(left, right).tolist() == [127, -128, -2]


def test_float_batch_norm_rounds_the_product_before_the_sum() -> None:
    x, scale = np.float32(1 + 2**-12), np.float32(1 + 2**-12)
    bias = -np.float32(x * scale)
    result = float_batch_norm.oracle(np.full((1, 1, 1), x), FloatParameters(np.array([scale]), np.array([bias])))[0]
    assert result.dtype == np.float32
    assert result.item() == 0.0  # fused, it would be 2^-24


@pytest.mark.parametrize("padding", [0, 1])
def test_padding_never_wins_a_pool(padding: int) -> None:
    signs = np.full((4, 4, 1), -1)
    signs[0, 0] = 1
    pooled = max_pool_bits.oracle(signs, PoolShape(2, 2, padding))
    assert pooled.shape == (2 + padding, 2 + padding, 1)
    assert (pooled == 1).sum() == 1
    assert pooled[0, 0, 0] == 1


BITS = BitMap(1, 1, 8)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BitMap(0, 1, 1), "height is 0: give at least 1"),
        (lambda: BitMap(1, 1, 1, -1), "border is -1: give at least 0"),
        (lambda: BitMap.of(np.zeros((2, 2))), r"shape \(2, 2\): give \(height, width, channels\)"),
        (lambda: PoolShape(window=4), "window is 4: give 2 or 3"),
        (lambda: PoolShape(stride=3), "stride is 3: give 1 or 2"),
        (lambda: PoolShape(padding=2), "padding is 2: give 0 or 1"),
        (lambda: PoolShape(3, 1).output(BitMap(2, 5, 1)), "3x3 does not fit a map of 2x5"),
        (lambda: pack_bits.symbols(BITS, np.dtype(np.int32)), "pack_bits of int32: give one of float32, int8, int16"),
        (
            lambda: float_batch_norm.symbols(BITS, np.dtype(np.uint8), False),
            "uint8: give one of float32, int32, int16",
        ),
        (lambda: int8_batch_norm.symbols(BITS, np.dtype(np.float32), False), "float32: give int8, int16 or int32"),
        (lambda: int8_batch_norm.symbols(BITS, np.dtype(np.int16), False, 3), "3 pixels at once: give 1 or 2"),
        (lambda: int8_batch_norm.pack_parameters(*[np.full(3, 16)] * 3), "shift from 16 to 16"),
        (
            lambda: FloatParameters(np.zeros(3, np.float32), np.zeros(2, np.float32)),
            r"bias of shape \(2,\) where \(3,\) is needed",
        ),
        (
            lambda: FloatParameters(*[np.zeros(3, np.float32)] * 2, Activation.PRELU),
            "activation prelu: its numbers are slope: give them and no others",
        ),
        (
            lambda: FloatParameters(*[np.zeros(3, np.float32)] * 2, after=np.zeros(3, np.float32)),
            "activation none: its numbers are none of its own",
        ),
    ],
)
def test_what_no_kernel_can_do_is_refused(make, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
