"""`dse network`: sizes, layers, repairs and latency of networks."""

from __future__ import annotations

import json

import pytest

from dse.cli.main import run
from dse.networks import build_network
from dse.networks.repair_costs import REPAIR_COSTS
from tests.sample_networks import NETWORKS


@pytest.fixture
def dse_command(capsys, tmp_path, monkeypatch):
    """Run `dse network` with arguments; return exit code, standard output and standard error."""
    monkeypatch.setenv("BNN_DSE_CACHE", str(tmp_path / "cache"))

    def call(*arguments):
        code = run(["network", *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_list_has_every_network_with_its_sizes(dse_command):
    code, out, err = dse_command("list", "--input", "3x224x224", "--classes", 1000)
    assert (code, err) == (0, "")
    rows = {cells[0]: cells[1:] for cells in map(str.split, out.splitlines()) if cells and cells[0] in NETWORKS}
    assert len(rows) == len(NETWORKS)
    for name in NETWORKS:
        network = build_network(name, 1, (3, 224, 224), 1000)
        sizes = (len(network.binary_layers), network.binary_products, network.binary_weight_bytes,
                 network.float_multiply_adds, network.float_parameters)  # fmt: skip
        assert rows[name] == [f"{size:,}" for size in sizes]


def test_list_as_json(dse_command):
    rows = json.loads(dse_command("list", "--input", "3x32x32", "--width", 0.5, "--json")[1])
    assert [row["name"] for row in rows] == list(NETWORKS)
    assert rows[0] == {
        "name": "tiny",
        "width_multiplier": 0.5,
        "input_shape": [3, 32, 32],
        "classes": 10,
        "binary_layers": 4,
        "binary_products": build_network("tiny", 0.5, (3, 32, 32)).binary_products,
        "binary_weight_bytes": 9 * (2 * 16 * 16 + 16 * 32 + 32 * 32) // 8,
        "float_multiply_adds": build_network("tiny", 0.5, (3, 32, 32)).float_multiply_adds,
        "float_parameters": build_network("tiny", 0.5, (3, 32, 32)).float_parameters,
    }


def test_show_tells_what_stands_around_each_convolution(dse_command):
    code, out, err = dse_command("show", "resnet-20", "--repairs", "residual=single")
    assert (code, err) == (0, "")
    words = " ".join(out.split())
    assert "stage1_block1b BinaryConv 28x28x16x16 k3x3 s1 p1 28x28x16 144 1,806,336" in words
    assert words.count("shortcut around 2") == 9
    assert "residual=single" in words
    assert "maximum of 2x2" in dse_command("show", "vgg-small")[1]
    assert "ReLU of the sums" in " ".join(dse_command("show", "quicknet-small")[1].split())


def test_show_as_json_has_layers_and_repairs(dse_command):
    fields = json.loads(dse_command("show", "tiny", "--repairs", "activation=prelu", "--json")[1])
    assert fields["repairs"]["activation"] == "prelu"
    assert [layer["type"] for layer in fields["layers"]] == ["FloatConv", *["BinaryConv"] * 4, "Classifier"]
    assert fields["layers"][3]["shortcut"]["pool"] == 2
    assert fields["layers"][3]["shape"]["stride"] == 2


def test_repairs_have_their_costs(dse_command):
    code, out, err = dse_command("repairs")
    assert (code, err) == (0, "")
    assert all(row.choice in out for row in REPAIR_COSTS)
    rows = json.loads(dse_command("repairs", "activation", "--json")[1])
    assert [row["choice"] for row in rows] == ["none", "relu", "prelu", "rprelu"]
    assert rows[3]["written"]["adds"] == 2


def test_time_sums_up_its_layers(dse_command):
    arguments = ("time", "tiny", "--input", "1x12x12", "--width", 0.25, "--tiles", 2, "--core", "cortex-a53")
    code, out, err = dse_command(*arguments)
    assert (code, err) == (0, "")
    assert "on cortex-a53 at 1.2 GHz, acc16-exact-clip31-int8: outputs identical with the oracle" in out
    fields = json.loads(dse_command(*arguments, "--json")[1])
    assert [len(shape["layers"]) for shape in fields["shapes"]] == [2, 1, 1]
    parts = [*fields["shapes"], *fields["passes"]]
    assert fields["cycles"] == sum(part["cycles"] * len(part["layers"]) for part in parts)
    assert [behind["pass"] for behind in fields["passes"]] == [
        "float32 batch norm of int8 6x6x8 + shortcut",
        "float32 batch norm of int8 3x3x16 + shortcut",
    ]
    assert fields["milliseconds"] == pytest.approx(fields["cycles"] / 1.2e6)
    everything = json.loads(dse_command(*arguments[:-4], "--core", "cortex-a53", "--json")[1])
    for few, more in zip(fields["shapes"], everything["shapes"], strict=True):
        assert 2 < len(few["tried"]) < len(more["tried"])
        assert few["cycles"] == min(few["tried"].values()) >= more["cycles"]
    assert f"convolution, batch norm, shortcut and signs: {fields['cycles']:,} cycles" in out
    assert all(tile in out for shape in fields["shapes"] for tile in shape["tried"])


def test_time_counts_what_a_repair_adds(dse_command):
    arguments = ("time", "tiny", "--input", "1x12x12", "--width", 0.25, "--tiles", 1, "--json")
    plain = json.loads(dse_command(*arguments)[1])
    shifted = json.loads(dse_command(*arguments, "--repairs", "activation=rprelu")[1])
    assert shifted["convolution_cycles"] == plain["convolution_cycles"]
    assert shifted["cycles"] > plain["cycles"]


def test_time_takes_another_arithmetic_and_core(dse_command):
    arguments = ("time", "tiny", "--input", "1x12x12", "--width", 0.25, "--tiles", 1, "--json")
    narrow = json.loads(dse_command(*arguments)[1])
    wide = json.loads(dse_command(*arguments, "--arithmetic", "acc32-exact-clipnone-int32")[1])
    assert wide["cycles"] > narrow["cycles"]
    slow = json.loads(dse_command(*arguments, "--override", "clock_hz=750000000")[1])
    assert slow["milliseconds"] == pytest.approx(2 * narrow["milliseconds"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("show tinny", "did you mean tiny?"),
        ("show tiny --input 28x28", "such as 3x32x32"),
        ("show tiny --repairs activation=relu", "every sign is +1"),
        ("show vgg-small --repairs residual=double", "vgg-small has no shortcuts"),
        ("show tiny --repairs shortcuts=yes", "known: estimator"),
        ("show tiny --width 0", "width multiplier"),
        ("list --input 3x4x4", "give larger images"),
        ("repairs activations", "known: estimator"),
        ("time tiny --core cortex-a7", "did you mean cortex-a7"),
        ("time tiny --arithmetic acc8-exact", "clip, output missing"),
        ("time tiny --arithmetic acc16-running-clip31-int8", "running"),
        ("time tiny --tiles 0", "--tiles"),
        ("time tiny --input 1x9000x9000", "too much to be emulated"),
    ],
)
def test_bad_input_is_one_line(dse_command, arguments, expected):
    code, out, err = dse_command(*arguments.split())
    assert (code, out) == (2, "")
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
