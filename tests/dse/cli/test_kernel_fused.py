"""`dse kernel` on variants with a fused output transform: list, show, run, profile, and padding with zeros."""

from __future__ import annotations

import json

import pytest

from dse import fused_emulation
from dse.cli.main import run
from dse.fused_emulation import fused_buffers, random_fused_operands, run_fused
from dse.kernel_description import describe_kernel
from kernels_asm import ConvShape, PaddingValue
from kernels_asm.fused import PARTS, FusedVariant
from kernels_asm.transforms import all_transforms
from kernels_asm.variant_list import sampled_fused

VARIANT = "acc16-int8+shortcut.slabs-tree4x6r1c3.io.pixels"
BITS = "acc8-bits.by2-tree4x6r1c3.io.pixels"
PLAIN = "acc8-exact-clip31-int8-8x3"
LAYER = ("--layer", "6x6x128x32")
ZEROS = ("--padding-value", "zero")
SHAPE = ConvShape(6, 6, 128, 32, padding_value=PaddingValue.ZERO)


@pytest.fixture
def dse_command(capsys):
    """Run `dse kernel` with arguments; return exit code, standard output and standard error."""

    def call(*arguments):
        code = run(["kernel", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_overview_has_both_kinds(dse_command):
    count = len(list(sampled_fused()))
    assert count == 3 * len(all_transforms()) * len(PARTS[2].samples)
    both, fused = dse_command("list")[1], dse_command("list", "--fused")[1]
    assert "a fused variant is written ACCUMULATOR-TRANSFORM-TILE, such as " in both
    assert f"{count:,} legal combinations" in both
    table = fused.splitlines()[:6]
    assert [line.split()[0] for line in table[2:5]] == [part.name for part in PARTS]
    assert "\n".join(table) in both
    assert "OVERFLOW" not in fused


def test_overview_as_json(dse_command):
    both, fused = (json.loads(dse_command("list", *options, "--json")[1]) for options in ((), ("--fused",)))
    assert both["fused"] == fused
    assert [part["name"] for part in fused["parameters"]] == [part.name for part in PARTS]
    assert fused["variants"] == [str(variant) for variant in sampled_fused()]


def test_list_names_those_that_can_compute_a_layer(dse_command):
    options = ("list", "--fused", *LAYER, "--accumulator", 16, "--only", "int8+shortcut.slabs")
    code, out, err = dse_command(*options)
    heading, columns, *lines = out.splitlines()
    assert (code, err) == (0, "")
    assert columns.split()[:2] == ["variant", "used"]
    assert heading.startswith(f"{len(lines)} of {len(PARTS[2].samples)} variants can compute layer 6x6x128x32 k3x3")
    assert VARIANT in [line.split()[0] for line in lines]
    rows = json.loads(dse_command(*options, *ZEROS, "--json")[1])
    assert rows["layer"]["padding_value"] == "zero"
    assert [row["variant"] for row in rows["variants"]] == [line.split()[0] for line in lines]


def test_show(dse_command):
    code, out, err = dse_command("show", VARIANT, *LAYER, *ZEROS)
    assert (code, err) == (0, "")
    assert out.startswith(f"{VARIANT} for layer 6x6x128x32 k3x3 s1 p1 of zeros\nsource: ")
    for expected in (
        "  transform    int8+shortcut.slabs    what becomes of the dot products",
        "assembler symbols of int8_batch_norm_slabs: ADD_SHORTCUT=1",
        "vector registers in the window loop: 28 of 32 (accumulators 3, ",
        "border corrections 576 bytes",
        "transform parameters 192 bytes, scratch 384 bytes, shortcut 1,152 bytes, output 1,152 bytes, bits 256 bytes",
    ):
        assert expected in out
    convolution, transform = out.split("code of ")[1:]
    for listing, source in ((convolution, "binary_conv_tree.S:"), (transform, "int8_batch_norm_slabs.S:")):
        count = int(listing.split()[1])
        lines = listing.strip().splitlines()[3:]
        assert len(lines) == count > 100
        assert lines[0].split()[2].startswith(source)
    assert transform.split()[-1] == convolution.split()[-1] == "ret"
    assert "sqrdmulh" in transform
    assert "sqrdmulh" not in convolution


def test_show_as_json_and_source(dse_command):
    fields = json.loads(dse_command("show", BITS, *LAYER, "--json")[1])
    assert fields["transform"]["function"] == "threshold_bits"
    assert {one["function"] for one in fields["instructions"]} == {"binary_conv_tree", "threshold_bits"}
    assert {part["name"]: part["text"] for part in fields["parameters"]} == dict(
        zip(("accumulator", "transform", "tile"), BITS.split("-"), strict=True)
    )
    assert "output" not in fields["bytes"]
    paths = json.loads(dse_command("show", BITS, "--source", "--json")[1])
    assert dse_command("show", BITS, "--source")[1].splitlines() == [paths["source"], paths["transform_source"]]


@pytest.mark.parametrize("transform", [str(transform) for transform in all_transforms()])
@pytest.mark.parametrize("padding_value", PaddingValue)
def test_sizes_are_those_of_a_run(transform, padding_value):
    shape = ConvShape(5, 7, 40, 64, padding_value=padding_value)
    variant = FusedVariant.parse(f"acc16-{transform}-tree8x4r2c1.ooo.pixels")
    buffers = fused_buffers(shape, variant, random_fused_operands(shape, variant.transform))
    lent = {
        buffer.name.removeprefix("transform_"): getattr(buffer.contents, "nbytes", buffer.contents)
        for buffer in buffers
        if buffer.name != "output"
    }
    lent["scratch"] = next(buffer.contents for buffer in buffers if buffer.name == "output")
    said = describe_kernel(variant, shape).data_bytes
    names = {"border corrections": "corrections", "border rows": "border_rows", "border columns": "border_columns"}
    assert {names.get(name, name.removeprefix("transform ")): size for name, size in said.items()} == lent


def test_run(dse_command):
    code, out, err = dse_command("run", VARIANT, *LAYER, *ZEROS, "--seed", 3)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert out.startswith(f"{VARIANT}, layer 6x6x128x32 k3x3 s1 p1 of zeros, seed 3: ")
    assert "output 6x6x32 of int8, all 1,152 values identical with the oracle" in out
    assert "bits 6x6x32, all 1,152 bits identical with the oracle" in out


def test_run_as_json_by_seed_and_padding(dse_command):
    fields = json.loads(dse_command("run", BITS, *LAYER, "--seed", 5, "--json")[1])
    assert fields["identical"] is True
    assert fields["bits"] == [6, 6, 32]
    assert "output" not in fields
    padded = json.loads(dse_command("run", BITS, *LAYER, "--seed", 5, *ZEROS, "--json")[1])
    assert padded["layer"]["padding_value"] == "zero"
    assert padded["instructions"] > fields["instructions"] > 1000
    variant = FusedVariant.parse(BITS)
    again = run_fused(SHAPE, variant, random_fused_operands(SHAPE, variant.transform, 5))
    assert again.instructions == padded["instructions"]


def test_a_mismatch_fails(dse_command, monkeypatch):
    oracle = fused_emulation.fused_conv

    def off_by_one(*arguments):
        bits, output = oracle(*arguments)
        output[1, 2, 3] ^= 1
        return bits, output

    monkeypatch.setattr(fused_emulation, "fused_conv", off_by_one)
    for command in ("run", "profile"):
        code, out, err = dse_command(command, VARIANT, *LAYER)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "1 of 1152 outputs differ, the first at row 1, column 2, channel 3" in err


def test_profile(dse_command, tmp_path):
    page = tmp_path / "page.html"
    code, out, err = dse_command("profile", VARIANT, *LAYER, *ZEROS, "--core", "cortex-a53", "--html", page)
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].startswith(f"{VARIANT}, layer 6x6x128x32 k3x3 s1 p1 of zeros: 1,327,104 binary products in ")
    assert lines[0].endswith(" at 1.2 GHz; bits and map identical with the oracle")
    assert lines[3].startswith("binary_conv_tree on cortex-a53: ")
    assert lines[-1] == f"page in {page}"
    html = page.read_text(encoding="utf-8").split("<script>")[0]
    assert f"{VARIANT} on cortex-a53" in html
    assert "bits and map identical with the oracle" in html
    assert "int8_batch_norm_slabs.S:" in html


def test_profile_as_json(dse_command):
    fields = json.loads(dse_command("profile", BITS, *LAYER, "--json")[1])
    assert (fields["variant"], fields["core"], fields["function"]) == (BITS, "cortex-a72", "binary_conv_tree")
    assert fields["products_per_cycle"] == pytest.approx(fields["products"] / fields["cycles"])
    assert 0.2 < fields["share_of_core_bound"] < 1
    assert sum(fields["stalls"].values()) == fields["cycles"]
    assert fields["timeline"] is None
    sources = {spot["source_line"].partition(":")[0] for spot in fields["hotspots"]}
    assert {"binary_conv_tree.S", "threshold_bits.S"} <= sources


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("list --fused --only wrap", "'wrap' is no part of a variant"),
        ("list --fused --only int8.by3", "did you mean int8.by2?"),
        ("list --padding-value zero", "give --layer with them"),
        ("list --layer 6x6x128x32 --padding-value zero --only 8x3", "pads with +1: give that padding, or a fused"),
        ("list --fused --layer 14x14x16x96 --only bits.slabs", "in slabs of 96 channels: give 64"),
        ("show acc8", "or ACCUMULATOR-TRANSFORM-TILE, such as acc8-bits.by1-tree"),
        ("show acc8-bits.by3-tree4x6r1c3.io.pixels", "did you mean bits.by2?"),
        (f"show {VARIANT} --layer 4x4x8x32", "6 pixels exceed an output row of 4"),
        (f"show {VARIANT} --layer 6x6x128x20", "in slabs of 20 channels"),
        ("run acc16-int8.by2-tree4x6r1c3.ooo.pixel", "did you mean tree4x6r1c3.ooo.pixels?"),
        ("run acc16-int8.by2-tree4x6r1c3.io.channels", "give loop order pixels"),
        (f"run {VARIANT} --padding-value two", "padding value 'two': write one or zero"),
        (f"run {PLAIN} --padding-value zero --layer 6x6x8x8", f"{PLAIN} pads with +1: give that padding, or a fused"),
        (f"show {PLAIN} --padding-value zero", f"{PLAIN} pads with +1: give that padding, or a fused variant"),
        (f"profile {PLAIN} --padding-value zero --layer 6x6x8x8", f"{PLAIN} pads with +1"),
        (f"run {VARIANT} --layer 9000x9000x128x128", "too much to be emulated"),
        ("profile acc32-bits.by2-tree4x6r1c1.ooo.pixels.udot --layer 6x6x8x8", "needs the ISA feature 'dotprod'"),
        ("profile acc16-bits.by2-tree4x6r1c1.ooo.pixels.udot --layer 6x6x8x8 --core neoverse-n1", "give 32 bits"),
    ],
)
def test_bad_input_is_one_line(dse_command, arguments, expected):
    code, out, err = dse_command(*arguments.split())
    assert (code, out) == (2, "")
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
