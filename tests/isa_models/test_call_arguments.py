"""Arguments written as text."""

from __future__ import annotations

import numpy as np
import pytest

from isa_models import Buffer, InputError, Pointer
from isa_models.call_arguments import call_arguments, parse_argument


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("1000", 1000), ("-1", -1), ("0xff", 255), ("-0x10", -16), ("007", 7), ("+3", 3)]
)
def test_integers(text, value):
    assert parse_argument(text, "x0") == value


@pytest.mark.parametrize(
    ("text", "size", "alignment", "writable"),
    [
        ("buf:100", 100, 64, True),
        ("buf:0x40", 64, 64, True),
        ("buf:4K", 4096, 64, True),
        ("buf:2M:align=4096", 2 << 20, 4096, True),
        ("buf:100:ro", 100, 64, False),
        ("buf:100:align=1:ro", 100, 1, False),
        ("buf:100:ro:align=16", 100, 16, False),
    ],
)
def test_buffers_of_zeros(text, size, alignment, writable):
    assert parse_argument(text, "x3") == Buffer("x3", size, writable, alignment)


def test_buffers_of_random_bytes():
    first, same, other = (parse_argument(f"buf:1K:{seed}:ro", "x0") for seed in (1, 1, 2))
    assert isinstance(first, Buffer)
    assert first == same
    assert first != other
    assert len(first.initial_bytes()) == 1024
    assert not first.writable


def test_buffers_with_a_file_s_contents(tmp_path):
    path = tmp_path / "odd:name.bin"
    path.write_bytes(b"contents")
    assert parse_argument(f"file:{path}:align=8", "x1") == Buffer("x1", b"contents", True, 8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1.5",
        "buf",
        "buf:",
        "buf:-1",
        "buf:4G",
        "buf:8:",
        "buf:8:x",
        "buf:8:1:2",
        "file:",
        "1e3",
        "ptr:0",
        "f64:",
        "f32:x",
    ],
)
def test_anything_else_is_refused_in_one_line(text):
    with pytest.raises(InputError) as caught:
        parse_argument(text, "x0")
    assert str(caught.value).startswith(f"argument '{text}': write an integer, f64:NUMBER")


def test_floats_go_to_vector_registers():
    call = call_arguments([1, 1.5, "f32:1.5", 2, np.float32(-2), "f64:-2"])
    assert call.values == (1, 2)
    assert call.vectors == (0x3FF8_0000_0000_0000, 0x3FC0_0000, 0xC000_0000, 0xC000_0000_0000_0000)


def test_a_call_takes_values_and_buffers():
    own, extra = Buffer("own", 8), Buffer("extra", 8)
    call = call_arguments([5, "buf:16", own, Pointer("extra", 4), "7"], [extra])
    assert call.values == (5, Pointer("x1"), Pointer("own"), Pointer("extra", 4), 7)
    assert [buffer.name for buffer in call.buffers] == ["extra", "x1", "own"]


def test_halves_go_to_vector_registers_too():
    assert call_arguments([np.float16(1.7)]).vectors == (int(np.float16(1.7).view(np.uint16)),)


def test_numpy_s_integers_are_integers():
    assert call_arguments([np.int64(-3), np.uint8(200), np.bool_(True)]).values == (-3, 200, 1)


@pytest.mark.parametrize("value", [np.zeros(4), np.array(4), [1, 2], b"abc", None, 1j, np.longdouble(1.5)])
def test_an_object_that_is_no_argument(value):
    with pytest.raises(InputError, match=rf"^argument of type {type(value).__name__}: give an integer, .*text$"):
        call_arguments([value])


@pytest.mark.parametrize(("text", "bits"), [("f32:1e300", 32), ("f32:-1e39", 32), ("f64:1e999", 64)])
@pytest.mark.filterwarnings("error")
def test_a_number_that_no_float_of_its_size_holds(text, bits):
    with pytest.raises(InputError, match=rf"^argument '{text}': too large for a float of {bits} bits: "):
        parse_argument(text, "x0")


@pytest.mark.parametrize("text", ["f32:inf", "f32:-Infinity", "f64:inf"])
def test_infinities_that_are_asked_for(text):
    assert np.isinf(parse_argument(text, "x0"))
