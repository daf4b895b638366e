from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from dse.errors import UsageError
from dse.spec import ParameterRanges, QuickTable, RecipeTable, ScratchTable, StudySpec
from dse.spec_file import load_spec, spec_toml, write_spec
from dse.training.quick_recipe import QuickRecipe
from dse.training.recipe import Recipe
from kernels_asm import Overflow

OTHER = StudySpec(
    network="birealnet-18",
    core="cortex-a53",
    objectives=("latency_ms", "latency_ms@cortex-a72", "accuracy"),
    constraints=("accuracy >= 0.8",),
    overrides={"l2.latency": "30"},
    parameters=ParameterRanges(clips=(0, 20)),
    recipe=RecipeTable(kind="scratch", scratch=ScratchTable(epochs=7, crop_scale=(0.25, 1.0))),
)


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("spec", [StudySpec(), OTHER])
def test_file_reads_back(tmp_path: Path, spec: StudySpec) -> None:
    write_spec(tmp_path / "study.toml", spec)
    assert load_spec(tmp_path / "study.toml", {}) == spec


def test_every_default_is_there_with_its_comment() -> None:
    text = spec_toml(StudySpec())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all("  # " in line and line.split("  # ")[1].strip() for line in lines)
    tables: list[type[BaseModel]] = [StudySpec, ParameterRanges, RecipeTable, QuickTable, ScratchTable]
    fields = sum(len(table.model_fields) for table in tables)
    assert len(lines) == fields == 49
    values = tomllib.loads(text)
    assert values["parameters"]["overflows"] == list(map(str, Overflow))


def test_existing_file_stays(tmp_path: Path) -> None:
    path = write(tmp_path, "mine")
    with pytest.raises(UsageError, match=r"study\.toml: there is such a file already"):
        write_spec(path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('netwrk = "tiny"', "study.toml: netwrk is unknown; did you mean network?"),
        ("[parameters]\nclip = [0]", "study.toml: parameters.clip is unknown; did you mean clips?"),
        ("[recipe.quick]\nimage = 5", "study.toml: recipe.quick.image is unknown; did you mean images?"),
        ('trials = "5"', "study.toml: trials: input should be a valid integer"),
        ("trials = true", "study.toml: trials: "),
        ("trials = 0", "study.toml: trials: input should be greater than or equal to 1, not 0"),
        ("seed = 1.5", "study.toml: seed: "),
        ("recipe = 3", "study.toml: recipe: input should be an object"),
        ('[parameters]\nclips = [0, "x"]', "study.toml: parameters.clips.1: "),
        ("[parameters]\naccumulators = [8, 24]", "study.toml: parameters.accumulators.1: input should be 8, 16 or 32"),
        ('sampler = "tpee"', "study.toml: sampler: input should be 'tpe', 'nsga2'"),
        ('objectives = ["latency_ms", "accurcy"]', "objectives.1: 'accurcy' is unknown; did you mean accuracy?"),
        ('objectives = ["accuracy"]', "study.toml: objectives accuracy: give at least two"),
        ('objectives = ["accuracy", "accuracy"]', "give at least two, each once"),
        ('constraints = ["accuracy > 0.5"]', "study.toml: constraints.0: constraint 'accuracy > 0.5': > is neither"),
        ('[recipe.scratch]\nepochs = 1\nstages = "two-stage"', "study.toml: recipe.scratch: recipe: epochs is 1"),
        ("[recipe.scratch]\ncrop_scale = [0.1]", "recipe.scratch.crop_scale: give two shares"),
        ("trials = 5\ntrials = 6", "study.toml: no TOML: "),
        ('core = "cortex-a72', "study.toml: no TOML: "),
    ],
)
def test_errors_are_one_line_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        load_spec(write(tmp_path, text), {})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_and_other_bytes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_spec(tmp_path / "none.toml", {})
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="no TOML"):
        load_spec(tmp_path / "bytes.toml", {})


def test_options_override_the_file_key_by_key(tmp_path: Path) -> None:
    path = write(
        tmp_path, 'core = "cortex-a53"\ntrials = 9\n[overrides.l2]\nlatency = 30\n[parameters]\nclips = [0, 7]'
    )
    options = {
        "trials": ("--trials", 12),
        "overrides": ("--override", {"memory.latency": "200"}),
        "parameters.widths": ("--widths", (1.0,)),
        "recipe.scratch.epochs": ("--epochs", 4),
    }
    spec = load_spec(path, options)
    assert (spec.core, spec.trials, spec.parameters.clips, spec.parameters.widths) == ("cortex-a53", 12, (0, 7), (1.0,))
    assert spec.overrides == {"l2.latency": "30", "memory.latency": "200"}
    assert spec.recipe.scratch.epochs == 4
    assert spec.parameters.model_fields_set == {"clips", "widths"}


def test_wrong_option_is_named_instead_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "trials = 9")
    with pytest.raises(UsageError, match=r"^--set parameters\.clips: input should be"):
        load_spec(path, {"parameters.clips": ("--set parameters.clips", "many")})
    with pytest.raises(UsageError, match=r"^--set parameters\.clps is unknown; did you mean clips\?"):
        load_spec(path, {"parameters.clps": ("--set parameters.clps", [0])})


def test_recipes_are_those_that_studies_had() -> None:
    assert StudySpec().recipe.chosen() == QuickRecipe()
    assert RecipeTable(kind="scratch").chosen() == Recipe()
    assert OTHER.recipe.chosen() == Recipe(epochs=7, crop_scale=(0.25, 1.0))
