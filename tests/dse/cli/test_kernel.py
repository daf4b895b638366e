"""`dse kernel`: what it lists, shows, runs and profiles, and how it refuses what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import dse.emulation
from dse.cli.kernel_text import overview
from dse.cli.main import run
from kernels_asm import ConvShape, KernelVariant, TreeTile
from kernels_asm.assembler import variant_source
from kernels_asm.tiles import listed_tiles
from kernels_asm.variant import PARTS

VARIANT = "acc8-exact-clip31-int8-8x3"
LAYER = ("--layer", "6x6x128x16")
SOURCE = variant_source(KernelVariant.parse(VARIANT))
TILES = len(list(listed_tiles()))
RUNNING_TILES = sum(isinstance(tile, TreeTile) and tile.columns == 1 for tile in listed_tiles())
COMBINATIONS = 5 * (7 * TILES + RUNNING_TILES)


@pytest.fixture
def dse_command(capsys):
    """Run `dse kernel` with arguments; return exit code, standard output and standard error."""

    def call(*arguments):
        code = run(["kernel", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_list_is_an_overview(dse_command):
    code, out, err = dse_command("list")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) < 24
    assert "ACCUMULATOR-OVERFLOW-CLIP-OUTPUT-TILE" in lines[0]
    heading = next(number for number, line in enumerate(lines) if line.startswith("parameter"))
    assert [line.split()[0] for line in lines[heading + 1 :][: len(PARTS)]] == [part.name for part in PARTS]
    assert f"{COMBINATIONS:,} legal combinations" in out


def test_overview_takes_whatever_parameters_there_are():
    parts = [{"name": "prefetch", "form": "pf0 to pf8", "meaning": "lines ahead", "listed": ["pf0", "pf4"]}]
    assert "prefetch   pf0 to pf8  2       lines ahead" in overview("a variant", parts, [KernelVariant.parse(VARIANT)])


def test_list_as_json(dse_command):
    fields = json.loads(dse_command("list", "--json")[1])
    assert [part["name"] for part in fields["parameters"]] == [part.name for part in PARTS]
    assert len(fields["variants"]) == COMBINATIONS
    assert VARIANT in fields["variants"]


def test_list_for_a_layer_leaves_out_what_cannot_compute_it(dse_command):
    options = ("--layer", "7x7x512x512", "--accumulator", 8, "--only", "exact", "--only", "clip15", "--only", "int8")
    code, out, err = dse_command("list", *options)
    heading, columns, *lines = out.splitlines()
    assert (code, err) == (0, "")
    assert columns.split()[:2] == ["variant", "used"]
    assert heading.startswith(f"{len(lines)} of {TILES} variants can compute layer 7x7x512x512 k3x3")
    assert 0 < len(lines) < TILES
    rows = json.loads(dse_command("list", *options, "--json")[1])["variants"]
    assert [row["variant"] for row in rows] == [line.split()[0] for line in lines]
    shape = ConvShape(7, 7, 512, 512)
    for row in rows:
        variant = KernelVariant.parse(row["variant"])
        assert (variant.arithmetic.accumulator, variant.arithmetic.clip) == (8, 15)
        assert row["registers"]["used"] == variant.tile.registers(variant.arithmetic, shape)["used"] <= 32


def test_several_accumulators(dse_command):
    _, out, _ = dse_command("list", "--accumulator", "acc16", "--accumulator", 32, "--only", "1x1")
    assert {line.split("-")[0] for line in out.splitlines()} == {"acc16", "acc32"}
    assert all(line.endswith("-1x1") for line in out.splitlines())


def test_show(dse_command):
    code, out, err = dse_command("show", VARIANT, *LAYER)
    assert (code, err) == (0, "")
    assert out.startswith(f"{VARIANT} for layer 6x6x128x16 k3x3 s1 p1\nsource: {SOURCE}\n")
    assert "vector registers in the window loop: 31 of 32 (accumulators 24, " in out
    assert "input 1,024 bytes, weights 2,304 bytes, output 576 bytes" in out
    assert out.count("source: ") == 1
    assert "assembler symbols: " in out
    assert "TILE_CHANNELS=8, TILE_PIXELS=3" in out
    listing = out[out.index("address ") :].splitlines()[1:]
    assert listing[0].split()[2].startswith(f"{SOURCE.name}:")
    assert listing[0].split()[3] == "stp"
    assert listing[-1].split()[-1] == "ret"
    assert f"code: {len(listing)} instructions" in out


def test_show_as_json(dse_command):
    fields = json.loads(dse_command("show", VARIANT, *LAYER, "--json")[1])
    assert {part["name"]: part["text"] for part in fields["parameters"]} == dict(
        zip([part.name for part in PARTS], VARIANT.split("-"), strict=True)
    )
    assert fields["bytes"] == {"input": 1024, "weights": 2304, "output": 576}
    assert fields["instructions"][-1]["text"] == "ret"
    assert fields["instructions"][-1]["word"] == 0xD65F03C0
    assert fields["instructions"][-1]["source_line"].startswith("binary_conv.S:")


def test_show_source(dse_command):
    _, out, _ = dse_command("show", VARIANT, "--source")
    assert Path(out.strip()).read_text().startswith("// Binary direct convolution")


def test_run(dse_command):
    code, out, err = dse_command("run", VARIANT, "--layer", "9x7x96x20", "--stride", 2, "--kernel", 5, "--seed", 3)
    assert (code, err) == (0, "")
    assert out.startswith(f"{VARIANT}, layer 9x7x96x20 k5x5 s2 p1, seed 3: ")
    assert out.count("\n") == 1
    assert "output 4x3x20 of int8, all 240 values identical with the oracle" in out


def test_running_sums_are_listed_shown_run_and_profiled(dse_command):
    variant = "acc8-running-clip31-int8-tree8x4r1c1.io.pixels"
    code, out, err = dse_command("list", *LAYER, "--only", "running", "--only", "clip31", "--only", "int8")
    assert (code, err) == (0, "")
    assert variant in [line.split()[0] for line in out.splitlines()[2:]]
    code, out, err = dse_command("show", variant, *LAYER)
    assert (code, err) == (0, "")
    assert "sqadd" in out
    assert dse_command("run", variant, *LAYER)[0] == 0
    assert dse_command("profile", variant, *LAYER, "--core", "cortex-a53")[0] == 0
    code, out, err = dse_command("run", "acc8-running-clip31-int8-8x3", *LAYER)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_udot_is_listed_where_asked_for_and_profiled_where_the_core_has_it(dse_command):
    variant = "acc32-exact-clip31-int8-8x2.udot"
    assert ".udot" not in dse_command("list", *LAYER, "--accumulator", 32)[1]
    code, out, err = dse_command("list", *LAYER, "--only", "8x2.udot", "--only", "clip31", "--only", "int8")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[2:]] == [variant]
    assert "udot" in dse_command("show", variant, *LAYER)[1].split("instructions", 1)[1]
    assert dse_command("run", variant, *LAYER)[0] == 0
    assert dse_command("profile", variant, *LAYER, "--core", "neoverse-n1")[0] == 0
    code, out, err = dse_command("profile", variant, *LAYER, "--core", "cortex-a72")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "tile 8x2.udot needs the ISA feature 'dotprod', which cortex-a72 has not: choose the tile without" in err


def test_run_as_json_by_seed(dse_command):
    first, second = (json.loads(dse_command("run", VARIANT, *LAYER, "--seed", seed, "--json")[1]) for seed in (1, 2))
    assert first["identical"] is True
    assert first["output"] == [6, 6, 16]
    assert first["instructions"] > 1000
    assert first == second | {"seed": 1}


def test_a_mismatch_fails(dse_command, monkeypatch):
    oracle = dse.emulation.binary_conv

    def off_by_one(*arguments):
        expected = oracle(*arguments).copy()
        expected[1, 2, 3] += 1
        return expected

    monkeypatch.setattr(dse.emulation, "binary_conv", off_by_one)
    for command in ("run", "profile"):
        code, out, err = dse_command(command, VARIANT, *LAYER)
        assert (code, out) == (1, "")
        assert "1 of 576 outputs differ, the first at row 1, column 2, channel 3" in err
        assert err.count("\n") == 1


def test_profile(dse_command):
    code, out, err = dse_command("profile", VARIANT, *LAYER, "--core", "cortex-a53")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert lines[0].startswith(f"{VARIANT}, layer 6x6x128x16 k3x3 s1 p1: 663,552 binary products in ")
    assert lines[0].endswith(" at 1.2 GHz; output identical with the oracle")
    assert lines[1].endswith("of the 42.7 that cortex-a53 could do with EOR, CNT and ADD alone")
    assert lines[3].startswith("binary_conv on cortex-a53: ")
    for expected in ("bound: ", "share of the cycles in which each is busy", "spent on", "cnt v28.16b, v28.16b"):
        assert expected in out


def test_profile_as_json(dse_command):
    fields = json.loads(dse_command("profile", VARIANT, *LAYER, "--json")[1])
    assert (fields["variant"], fields["core"], fields["function"]) == (VARIANT, "cortex-a72", "binary_conv")
    assert fields["products_per_cycle"] == pytest.approx(fields["products"] / fields["cycles"])
    assert fields["core_bound_products_per_cycle"] == pytest.approx(64, rel=1e-3)
    assert 0.2 < fields["share_of_core_bound"] < 1
    assert sum(fields["stalls"].values()) == fields["cycles"]
    assert fields["timeline"] is None


def test_profile_of_an_overridden_core(dse_command):
    fields = json.loads(dse_command("profile", VARIANT, *LAYER, "--override", "results_per_cycle=2", "--json")[1])
    assert fields["core"] == "cortex-a72+results_per_cycle=2"
    assert fields["core_bound_products_per_cycle"] == pytest.approx(128 / 3, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("list --accumulator 9", "'acc9' is no part of a variant: did you mean acc8?"),
        ("list --only quick", "'quick' is no part of a variant"),
        ("list --accumulator 32 --only wrap", "no kernel has acc32 and wrap"),
        ("list --stride 2", "give --layer with them"),
        ("list --layer 28x28x128", "such as 28x28x128x128"),
        ("list --layer 99x99x9999x8 --only acc16 --only exact", "no such variant can compute layer 99x99x9999x8"),
        ("show acc8-exact-clip31-int8", "tile missing"),
        ("show acc8-exact-clip31-int8-16x3", "tile 16x3 needs 54 vector registers of 32"),
        ("show acc8-exakt-clip31-int8-8x3", "did you mean exact?"),
        ("show", "Missing argument 'variant'"),
        ("run acc8-exact-clip31-i8-8x3", "did you mean int8?"),
        (f"run {VARIANT} --layer 0x1x1x1", "height is 0"),
        (f"run {VARIANT} --layer 1x1x8x8 --padding 0", "kernel 3x3 is larger than the padded input 1x1"),
        (f"run {VARIANT} --kernel 3x3x3", "kernel '3x3x3'"),
        (f"run {VARIANT} --stride 0", "--stride"),
        (f"run {VARIANT} --padding -1", "--padding"),
        (f"run {VARIANT} --seed -1", "--seed"),
        (f"run {VARIANT} --layer 9000x9000x128x128", "too much to be emulated"),
        (f"run {VARIANT} --layer 1x1x1x1 --padding 60000", "too much to be emulated"),
        (f"run {VARIANT} --layer 8x8x512x8", "a window this long needs wide accumulators"),
        (f"profile {VARIANT} --core cortex-a7", "did you mean cortex-a7"),
        (f"profile {VARIANT} --override l2.latency", "write FIELD=VALUE"),
        (f"profile {VARIANT} --override l2.lat=3", "l2.lat"),
        (f"profile {VARIANT} --html none/page.html", "none/page.html: give the path of a file"),
        ("profil", "profil"),
    ],
)
def test_bad_input_is_one_line(dse_command, tmp_path, monkeypatch, arguments, expected):
    monkeypatch.chdir(tmp_path)
    code, out, err = dse_command(*arguments.split())
    assert (code, out) == (2, "")
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [("list",), ("profile", VARIANT, *LAYER)], ids=["list", "profile"])
def test_it_loads_neither_training_nor_search_nor_charts(arguments):
    program = (
        "import sys; from dse.cli.main import run; code = run(sys.argv[1:]);"
        "heavy = {'torch', 'optuna', 'plotly', 'dash', 'sqlalchemy', 'rich'} & sys.modules.keys();"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "kernel", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
