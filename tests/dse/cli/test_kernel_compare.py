"""`dse kernel compare`: one table of a layer on a core."""

from __future__ import annotations

import json

import pytest

from dse import emulation, kernel_comparison
from dse.cli.main import run
from dse.core_schedule import schedule_of
from dse.emulation import time_layer
from dse.int8_emulation import int8_path, time_int8
from dse.kernel_comparison import ARITHMETIC, MOST_LANES, MOST_TREES, compare_kernels, good_lanes, good_trees
from dse.references import time_indirect_16bit, time_one_channel_direct
from isa_models import load_core
from kernels_asm import ConvShape, InputError, KernelVariant, LaneTile, TreeTile, legal_tiles
from kernels_asm.int8_conv import Int8Variant
from kernels_asm.tiles import search_tiles

SHAPE = ConvShape(8, 8, 128, 16)
LAYER = ("--layer", "8x8x128x16")


@pytest.fixture
def dse_command(capsys):
    """Run `dse kernel compare` with arguments; return exit code, standard output and standard error."""

    def call(*arguments):
        code = run(["kernel", "compare", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize("name", ["cortex-a53", "cortex-a72", "neoverse-n1"])
def test_each_row_is_the_fastest_of_its_kind(name):
    core = load_core(name)
    found = compare_kernels(SHAPE, core)
    legal = legal_tiles(ARITHMETIC, SHAPE, search_tiles(schedule_of(core)))
    trees = good_trees([tile for tile in legal if isinstance(tile, TreeTile)], SHAPE)
    lanes = good_lanes([tile for tile in legal if isinstance(tile, LaneTile)])
    path = int8_path(core)
    int8 = [Int8Variant(path, tile, 7) for tile in path.good_tiles]
    assert (len(trees), len(lanes)) == (MOST_TREES, MOST_LANES)
    expected = [
        *(min(time_layer(SHAPE, KernelVariant(ARITHMETIC, tile), core).simulation.cycles for tile in tiles)
          for tiles in (trees, lanes)),
        time_indirect_16bit(SHAPE, core).simulation.cycles,
        time_one_channel_direct(SHAPE, core).simulation.cycles,
        min(time_int8(SHAPE, variant, core).simulation.cycles for variant in int8),
    ]  # fmt: skip
    assert [time.cycles for time in found.times] == expected
    assert [time.tried for time in found.times] == [MOST_TREES, MOST_LANES, 1, 1, len(int8)]
    assert found.times[-1].kernel.split("-")[1] == ("sdot" if name == "neoverse-n1" else "smull")
    assert found.refused == {}
    for time in found.times:
        assert time.products_per_cycle == SHAPE.products / time.cycles
        assert found.ratio(time) == time.cycles / found.times[0].cycles


def test_good_trees_keep_many_columns_then_waste_least_then_keep_the_order_of_the_search():
    shape = ConvShape(14, 14, 64, 64)
    schedule = schedule_of(load_core("cortex-a53"))
    legal = [tile for tile in legal_tiles(ARITHMETIC, shape, search_tiles(schedule)) if isinstance(tile, TreeTile)]
    chosen = good_trees(legal, shape)
    assert len(chosen) == MOST_TREES < len(legal)
    assert {str(tile.schedule) for tile in chosen} == {"io"}
    waste = [-14 % tile.pixels for tile in chosen if tile.columns == 3]
    assert waste == sorted(waste)
    assert [str(tile) for tile in chosen[:2]] == ["tree4x7r1c3.io.pixels.u6", "tree4x14r1c3.io.pixels.u6"]
    best = good_lanes([LaneTile(1, 1), LaneTile(8, 3), LaneTile(4, 4)])
    assert [str(tile) for tile in best] == ["8x3", "4x4", "1x1"]


def test_table(dse_command):
    code, out, err = dse_command(*LAYER, "--core", "cortex-a53")
    heading, columns, *rows, note = out.splitlines()
    assert (code, err) == (0, "")
    assert heading.startswith("layer 8x8x128x16 k3x3 s1 p1 on cortex-a53: 1,179,648 products, ")
    assert columns.split()[:2] == ["kernel", "cycles"]
    assert len(rows) == 5
    assert rows[0].startswith("acc16-exact-clip31-int8-tree")
    assert "12 of " in rows[0]
    assert rows[0].split()[3] == "1.00"
    assert [row.split()[0] for row in rows[2:4]] == ["indirect_16bit_8x4", "one_channel_direct"]
    assert rows[4].startswith("int8_conv-smull-")
    assert float(rows[4].split()[3]) > 4
    assert note.startswith("not an exhaustive search")


def test_json(dse_command):
    fields = json.loads(dse_command(*LAYER, "--core", "cortex-a72", "--override", "l2.latency=30", "--json")[1])
    assert fields["core"] == "cortex-a72+l2.latency=30"
    assert fields["exhaustive"] is False
    assert fields["refused"] == {}
    first, *others = fields["kernels"]
    assert [time["kind"] for time in fields["kernels"]] == ["tree tile", "lane tile", "reference", "reference",
                                                            "int8 tile"]  # fmt: skip
    assert first["ratio_to_first"] == 1
    for time in others:
        assert time["ratio_to_first"] == pytest.approx(time["cycles"] / first["cycles"])
        assert time["products_per_cycle"] == pytest.approx(fields["products"] / time["cycles"])


def test_a_kind_that_cannot_compute_the_layer_is_told(dse_command):
    code, out, err = dse_command("--layer", "3x3x8x4", "--kernel", 1, "--padding", 0)
    assert (code, err) == (0, "")
    assert "no tree tile: no tile fits" in out
    assert out.splitlines()[2].startswith("acc16-exact-clip31-int8-")
    assert out.splitlines()[2].split()[3] == "1.00"


def test_a_window_that_no_compared_kernel_sums_is_refused(dse_command):
    code, out, err = dse_command("--layer", "1x1x33000x1", "--kernel", 1, "--padding", 0)
    assert (code, out) == (2, "")
    assert err.endswith("hold no windows of 33000 products: compare a layer with smaller ones\n")


def test_a_reference_that_cannot_compute_the_layer_is_told(dse_command, monkeypatch):
    def refuse(*_):
        raise InputError("its rows are too long")

    monkeypatch.setattr(kernel_comparison, "time_one_channel_direct", refuse)
    fields = json.loads(dse_command(*LAYER, "--json")[1])
    assert fields["refused"] == {"one_channel_direct": "its rows are too long"}
    assert len(fields["kernels"]) == 4
    assert "no one_channel_direct: its rows are too long" in dse_command(*LAYER)[1]


def test_a_wrong_kernel_fails(dse_command, monkeypatch):
    oracle = emulation.binary_conv
    monkeypatch.setattr(emulation, "binary_conv", lambda *arguments: 1 - oracle(*arguments))
    code, out, err = dse_command(*LAYER)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "computes layer 8x8x128x16 k3x3 s1 p1 wrongly" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--core cortex-a7", "did you mean cortex-a7"),
        ("--layer 28x28x128", "such as 28x28x128x128"),
        ("--layer 9000x9000x128x128", "too much to be emulated"),
        ("--layer 4x4x9999x8", "windows of 89991"),
        ("--override l2.latency", "write FIELD=VALUE"),
        ("--stride 0", "--stride"),
        ("--padding-value zero", "--padding-value"),
        ("acc8-exact-clip31-int8-8x3", "acc8-exact-clip31-int8-8x3"),
    ],
)
def test_bad_input_is_one_line(dse_command, arguments, expected):
    code, out, err = dse_command(*arguments.split())
    assert (code, out) == (2, "")
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
