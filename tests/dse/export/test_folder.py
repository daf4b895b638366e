"""An exported folder builds, and its program finds every output of every binary layer and every class again."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch

import dse.export.folder as folder_module
from dse.design import Design, uniform_design
from dse.errors import ExportError, UsageError, VerificationError
from dse.export.folder import DesignToExport, ExportReport, export_design
from dse.export.layer_kernels import works_of
from dse.export.readme import Prediction
from dse.layer_tasks import layer_routes
from dse.networks import FeatureMaps, Network, Repairs, Residual, build_network, default_repairs
from dse.nn.model import BinaryModel
from dse.tile_candidates import TileFamily
from kernels_asm import LaneTile, Overflow, Tile, TreeTile
from kernels_asm.any_variant import AnyVariant
from kernels_asm.tile import DOT_PRODUCT
from kernels_asm.tree_tile import Schedule
from tests.exported_program import DOCUMENTED_COMPILER, PACKAGE, PROGRAM, build, check, contents
from tests.sample_networks import EVERYTHING, NETWORKS, images_for, model_of

Tiled: TypeAlias = tuple[Design, Tile]
"""A design with one tile for all layers."""

TREE = uniform_design(0.5, 16, Overflow.EXACT, None), TreeTile(4, 4, 1, 3)
CLIPPED = uniform_design(0.5, 16, Overflow.EXACT, 15), TreeTile(4, 4, 1, 3)
LANES = uniform_design(0.5, 8, Overflow.EXACT, 31), LaneTile(4, 3)
WRAP = uniform_design(0.5, 8, Overflow.WRAP, None), LaneTile(16, 1)  # fills 24 channels up to 32
RUNNING = uniform_design(0.5, 8, Overflow.RUNNING, 31), TreeTile(4, 4)
UNUSUAL = EVERYTHING[0]

KINDS: dict[str, tuple[str, Tiled, float, FeatureMaps, str]] = {
    "float32": ("tiny", LANES, 0.5, FeatureMaps.FLOAT32, ""),
    "running sums": ("tiny", RUNNING, 0.5, FeatureMaps.FLOAT32, ""),
    "thresholds, scales and RPReLU": ("tiny", WRAP, 0.75, FeatureMaps.FLOAT32, UNUSUAL),
    "batch norm before the sign": ("tiny", LANES, 0.5, FeatureMaps.FLOAT32, EVERYTHING[1]),
    "int8 fused": ("tiny", TREE, 1.0, FeatureMaps.INT8, ""),
    "int8 wrapped": ("tiny", WRAP, 0.75, FeatureMaps.INT8, ""),
    "int8 clipped": ("tiny", CLIPPED, 0.5, FeatureMaps.INT8, ""),
    "int8 shortcuts around two": ("tiny", TREE, 1.0, FeatureMaps.INT8, "residual=single"),
    "pooled sums and thresholds": ("vgg-small", TREE, 0.125, FeatureMaps.INT8, ""),
    "1x1 convolutions in int8": ("birealnet-18", TREE, 0.125, FeatureMaps.INT8, ""),
    "ReLU of sums, blur and groups": ("quicknet-small", LANES, 0.25, FeatureMaps.FLOAT32, ""),
}

IMAGES = 2
FAMILY = TileFamily(Schedule.OUT_OF_ORDER, frozenset({DOT_PRODUCT}))


def _variants(network: Network, design: Design, tile: Tile) -> list[AnyVariant]:
    """Return the kernel of each layer in this tile: the fused one where there is one."""
    kernels = [
        layer_routes(layer, network, design.sums[0], FAMILY)[0].kernel.kernel(tile) for layer in network.binary_layers
    ]
    return [kernel.variant for kernel in kernels if kernel is not None]


def model(kind: str) -> BinaryModel:
    name, design, multiplier, maps, repairs = KINDS[kind]
    chosen = Repairs.parse(repairs, default_repairs(name))
    network = build_network(name, multiplier, (1, 28, 28), 10, chosen, maps)
    return _with_statistics(network, design[0])


def _with_statistics(network, design: Design) -> BinaryModel:
    if network.maps is FeatureMaps.FLOAT32:
        return model_of(network, design.sums[0].arithmetic())
    torch.manual_seed(3)
    made = BinaryModel(network, design.layer_functions(layer.shape for layer in network.binary_layers)).train()
    with torch.no_grad():  # statistics that are not those of a fresh batch norm
        for _ in range(5):
            made(images_for(network, 8))
    return made.eval()


def export(folder: Path, made: BinaryModel, design: Tiled, wanted: int = IMAGES, **options) -> ExportReport:
    images = np.random.default_rng(5).integers(0, 256, (2 * wanted, *made.network.input_shape), np.uint8)
    works = works_of(made.network, _variants(made.network, *design))
    return export_design(folder, DesignToExport("A design", made, works, images, wanted, **options))


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def _needs_tools(require_tool: Callable[..., str]) -> None:
    require_tool(PROGRAM, PACKAGE)
    require_tool("make")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of the float32 design, built."""
    folder = tmp_path_factory.mktemp("export") / "design"
    export(folder, model("float32"), LANES)
    build(folder, DOCUMENTED_COMPILER)
    return folder


@pytest.fixture
def changeable(built: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(built, tmp_path / "design"))


@pytest.mark.usefixtures("_needs_tools")
@pytest.mark.parametrize("kind", KINDS)
def test_the_program_finds_every_output_and_class(kind: str, tmp_path: Path) -> None:
    design, made = KINDS[kind][1], model(kind)
    report = export(tmp_path / "design", made, design)
    layers = len(made.network.binary_layers)
    assert (report.layers, report.images, report.files) == (layers, IMAGES, len(contents(tmp_path / "design")))
    build(tmp_path / "design")
    done = check(tmp_path / "design")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{layers} binary layers, each on its own, on {IMAGES} images: every output is the vector's" in done.stdout
    assert "every class is the vector's, and so is every input of a binary layer and every logit" in done.stdout
    timed = re.findall(r"^(\S+) +\d+\.\d +\d+ +(?:-|\d+) +-$", done.stdout, re.MULTILINE)
    assert timed == [layer.name for layer in made.network.binary_layers]


@pytest.mark.usefixtures("_needs_tools")
def test_make_check_runs_the_program(built: Path) -> None:
    command = ["make", "-s", "check", f"QEMU={PROGRAM}", "CHECK_FLAGS=-r 1"]
    done = subprocess.run(command, cwd=built, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "CNTVCT_EL0 counts" in done.stdout


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_the_steps_of_its_model(name: str, tmp_path: Path) -> None:
    """An export compares each step with PyTorch's."""
    design = uniform_design(0.125, 8, Overflow.SATURATE, 31), LaneTile(4, 3)
    network = build_network(name, 0.125, (3, 64, 64), 7)
    assert export(tmp_path / "design", model_of(network, design[0].sums[0].arithmetic()), design, 1).images == 1


@pytest.mark.parametrize("text", EVERYTHING)
@pytest.mark.parametrize("name", ["vgg-small", "quicknet-small"])
def test_many_repairs_at_once_are_exported(name: str, text: str, tmp_path: Path) -> None:
    network = build_network(name, 0.125, (1, 28, 28), 5, Repairs.parse(text, default_repairs(name)))
    assert export(tmp_path / "design", model_of(network, LANES[0].sums[0].arithmetic()), LANES, 1).images == 1


def test_shortcuts_around_two_are_exported(tmp_path: Path) -> None:
    network = build_network("resnet-20", 0.5, (1, 28, 28), 5, Repairs(residual=Residual.SINGLE))
    assert export(tmp_path / "design", model_of(network, LANES[0].sums[0].arithmetic()), LANES, 1).layers == 18


def change(folder: Path, array: str, number: int, to: Callable[[str], str]) -> None:
    """Change one number of an array of weights.c."""
    path = folder / "weights.c"
    before, start, rest = path.read_text().partition(f" {array}[")
    assert start
    head, brace, numbers = rest.partition("{")
    parts = numbers.split(",")
    parts[number] = to(parts[number])
    path.write_text(before + start + head + brace + ",".join(parts))


def flip_bit(word: str) -> str:
    return f" 0x{int(word, 16) ^ 1:016x}"


def twice(number: str) -> str:
    return f" {2 * float(number.strip().rstrip('f'))}f"


@pytest.mark.usefixtures("_needs_tools")
@pytest.mark.parametrize(
    ("array", "number", "damage", "message"),
    [
        ("block3_weights", 5, flip_bit, r"image 0, layer block3: output of the convolution differs at row \d+, column"),
        ("block2_parameters", 3, twice, r"image 0, layer block2: feature map differs at row 0, column 0, channel 3: "),
        ("stem_weights", 2, twice, r"image 0, whole network, layer block1: packed input differs at row \d+, column"),
        ("classifier_bias", 1, twice, r"image 0, whole network: logit differs at row 0, column 0, channel 1: "),
    ],
)
def test_a_changed_weight_fails_the_check(array, number, damage, message, changeable: Path) -> None:
    change(changeable, array, number, damage)
    build(changeable)
    done = check(changeable)
    assert done.returncode == 1
    assert re.match(message, done.stderr), done.stderr


@pytest.mark.usefixtures("_needs_tools")
def test_rounding_in_a_float_layer_is_told_and_can_be_allowed(changeable: Path) -> None:
    change(changeable, "stem_bias", 0, lambda number: f" {float(number.strip().rstrip('f')) * (1 + 1e-6):.9g}f")
    build(changeable)
    done = check(changeable)
    assert done.returncode == 1
    assert "build with -ffp-contract=off" in done.stderr
    allowed = check(changeable, "-f")
    assert (allowed.returncode, allowed.stderr) == (0, "")
    assert re.search(r"every class is the vector's; \d+ bytes and floats differ through rounding", allowed.stdout)


@pytest.mark.usefixtures("_needs_tools")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: whole[:-1], "vector.bin: too short for this network"),
        (lambda whole: whole + b"\0", "vector.bin: too long for this network"),
        (lambda whole: b"\1" + whole[1:], "vector.bin: no test vector of this network"),
        (lambda whole: b"", "vector.bin: cannot be read"),
    ],
    ids=["short", "long", "another file", "empty"],
)
def test_another_vector_is_refused(content, message, changeable: Path) -> None:
    path = changeable / "vector.bin"
    path.write_bytes(content(path.read_bytes()))
    done = check(changeable)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"check: {message}")


def test_the_same_design_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "another"):
        export(tmp_path / name, model("int8 fused"), TREE)
    files = contents(tmp_path / "one")
    assert files == contents(tmp_path / "another")
    own = Path(__file__).resolve().parents[3]
    for name, content in files.items():
        assert str(tmp_path).encode() not in content, name
        assert str(own).encode() not in content, name
    assert {"README.md", "Makefile", "network.c", "weights.c", "vector.bin", "kernels/int8_batch_norm_slabs_1.S"} <= {
        *files
    }


def test_sources_of_kernels_are_as_they_are(tmp_path: Path) -> None:
    from kernels_asm.assembler import SOURCES

    export(tmp_path / "design", model("int8 fused"), TREE)
    copied = [path for path in (tmp_path / "design/kernels/asm").rglob("*") if path.is_file()]
    assert len(copied) == 9
    for path in copied:
        original = SOURCES / path.relative_to(tmp_path / "design/kernels/asm")
        assert path.read_text() == original.read_text()


def test_the_readme_has_the_design_and_the_predicted_cycles(tmp_path: Path) -> None:
    prediction = Prediction("cortex-a53", 1.2e9, {"block1": 1_000, "block2": 2_000, "block3": 3_000, "block4": 6_000})
    made = model("int8 fused")
    export(tmp_path / "design", made, TREE, prediction=prediction)
    text = (tmp_path / "design/README.md").read_text()
    assert text.startswith("# A design\n")
    assert "| block4 | fused convolution 7x7x64x64 k3x3 s1 p1 acc16-int8+shortcut.slabs-tree4x4r1c3" in text
    assert "| 6,000 |" in text
    assert "cortex-a53 with warm caches: 12,000 for all binary layers, 0.010 ms at 1.2 GHz" in text
    assert "{" not in re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert ".predicted_cycles = 6000," in (tmp_path / "design/network.c").read_text()


def test_a_pass_takes_as_many_pixels_at_once_as_are_asked_for(tmp_path: Path) -> None:
    for pixels in (1, 2):
        export(tmp_path / str(pixels), model("float32"), LANES, pixels_at_once=lambda _work, pixels=pixels: pixels)
        source = (tmp_path / str(pixels) / "kernels/float_batch_norm_1.S").read_text()
        assert f".equ PIXELS_AT_ONCE, {pixels}\n" in source


def test_images_of_another_class_in_pytorch_are_left_out_and_told(monkeypatch, tmp_path: Path) -> None:
    predicted = folder_module._predicted
    wrong = iter([True, False, False])
    monkeypatch.setattr(folder_module, "_predicted", lambda *of: (predicted(*of) + next(wrong)) % 10)
    report = export(tmp_path / "design", model("float32"), LANES)
    assert (report.images, report.images_tried) == (2, 3)
    assert "those of the first 3 to which the trained network" in (tmp_path / "design/README.md").read_text()


def test_a_program_that_classifies_otherwise_is_not_exported(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(folder_module, "_predicted", lambda *_of: -1)
    with pytest.raises(VerificationError, match="4 of 4 images have another class in the exported program"):
        export(tmp_path / "design", model("float32"), LANES)
    assert not (tmp_path / "design").exists()


def test_kernels_with_udot_say_what_they_need(tmp_path: Path) -> None:
    udot = uniform_design(0.5, 32, Overflow.EXACT, None), TreeTile(4, 7, 1, 3, udot=True)
    network = build_network("tiny", 0.5)
    export(tmp_path / "design", model_of(network, udot[0].sums[0].arithmetic()), udot)
    assert "need the ISA extension dotprod" in (tmp_path / "design/README.md").read_text()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty: give another one, or empty it"):
        export(tmp_path, model("float32"), LANES)
    assert contents(tmp_path) == {"notes.txt": b"mine"}
    with pytest.raises(UsageError, match="is a file: give a folder"):
        export(tmp_path / "notes.txt", model("float32"), LANES)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ExportError, match="cannot be written"):
        export(tmp_path / "notes.txt" / "design", model("float32"), LANES)


def test_no_image_is_refused(tmp_path: Path) -> None:
    made = model("float32")
    nothing = np.zeros((0, 1, 28, 28), np.uint8)
    with pytest.raises(UsageError, match="no images for the test vector"):
        export_design(
            tmp_path, DesignToExport("", made, works_of(made.network, _variants(made.network, *LANES)), nothing)
        )


def test_weights_of_another_arithmetic_are_refused(tmp_path: Path) -> None:
    other = uniform_design(0.5, 8, Overflow.EXACT, 3), LANES[1]
    with pytest.raises(VerificationError, match=r"layer block1: .* the weights belong to another arithmetic"):
        export(tmp_path / "design", model("float32"), other)
    assert not (tmp_path / "design").exists()
