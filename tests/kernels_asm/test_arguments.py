import struct
import subprocess
import sys
from pathlib import Path

import pytest

from kernels_asm import ConvShape, InputError
from kernels_asm.conv_arguments import BINARY_CONV, argument_values


def test_block_assembly_and_python_agree_on_every_offset() -> None:
    values = {field.name: 1000 + index for index, field in enumerate(BINARY_CONV.fields)}
    block = BINARY_CONV.pack(values)
    for name, offset in BINARY_CONV.offsets.items():
        assert struct.unpack_from("<q", block, offset)[0] == values[name]
        assert f".equ ARG_{name.upper()}, {offset}\n" in BINARY_CONV.assembly_offsets()


def test_a_c_compiler_agrees_on_every_offset(tmp_path: Path) -> None:
    checks = "\n".join(
        f'_Static_assert(offsetof(struct binary_conv_arguments, {name}) == {offset}, "{name}");'
        for name, offset in BINARY_CONV.offsets.items()
    )
    source = tmp_path / "check.c"
    source.write_text(f"#include <stddef.h>\n{BINARY_CONV.c_header()}\n{checks}\n")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-musl", "-c", str(source)]
    done = subprocess.run([*command, "-o", str(tmp_path / "check.o")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_steps_through_a_strided_layer_end_on_its_last_window() -> None:
    shape = ConvShape(9, 7, 65, 12, stride=2)
    values = argument_values(shape, tile_channels=8, output_bytes=2)
    offset = 0
    for _ in range(shape.out_height - 1):
        offset += values["pixel_step"] * shape.out_width + values["line_skip"]
    offset += values["pixel_step"] * (shape.out_width - 1)
    last_row, last_column = (shape.out_height - 1) * 2, (shape.out_width - 1) * 2
    assert offset == (last_row * shape.padded_width + last_column) * 16
    assert values["channel_tiles"] == 2
    assert values["out_pitch"] == 32


def test_a_block_names_the_field_that_is_missing_or_unknown() -> None:
    values = argument_values(ConvShape(3, 3, 8, 8), tile_channels=8, output_bytes=1)
    with pytest.raises(InputError, match="has no field outputs: see kernels_asm/conv_arguments"):
        BINARY_CONV.pack({**values, "outputs": 1})
    del values["window"]
    with pytest.raises(InputError, match="lacks field window"):
        BINARY_CONV.pack(values)
