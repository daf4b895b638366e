"""Recipes: what they refuse, their text form, their schedules."""

import json
import math

import pytest

from dse.errors import UsageError
from dse.training.recipe import Distillation, Optimiser, Recipe
from dse.training.recipes import FULL, QUICK, load_recipe, parse_settings
from dse.training.schedules import Schedule, share_of_peak
from dse.training.stages import TWO_STAGE
from tests.dse.training.small_training import RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_come_back_from_json(name):
    recipe = RECIPES[name]
    read = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert read == recipe
    assert read.digest == recipe.digest


def test_every_field_is_part_of_the_digest():
    others = [
        {"epochs": 4},
        {"train_images": 5},
        {"batch_size": 63},
        {"learning_rate": 0.02},
        {"schedule": "cosine"},
        {"warmup": 0.1},
        {"optimiser": "sgd"},
        {"weight_decay": 0.1},
        {"momentum": 0.8},
        {"label_smoothing": 0.1},
        {"flip": True},
        {"shift": 1},
        {"crop_scale": [0.2, 1]},
        {"stages": "two-stage"},
        {"distillation": {"weight": 0.9}},
    ]
    assert {name for other in others for name in other} == set(Recipe().to_dict())
    digests = {Recipe.from_dict(other).digest for other in others}
    assert len(digests | {Recipe().digest}) == len(others) + 1


def test_fields_left_out_are_as_in_the_base():
    base = Recipe(epochs=9, optimiser=Optimiser.SGD, distillation=Distillation())
    read = Recipe.from_dict({"stages": "two-stage", "distillation": None}, base)
    assert (read.epochs, read.optimiser, read.stages, read.distillation) == (9, Optimiser.SGD, TWO_STAGE, None)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"epoch": 3}, "epoch is unknown; did you mean epochs? known: epochs"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": "three"}, "epochs is 'three': give a whole number"),
        ({"epochs": 2.5}, "give a whole number"),
        ({"train_images": 0}, "train_images is 0"),
        ({"batch_size": 1}, "batch_size is 1"),
        ({"learning_rate": "fast"}, "give a number"),
        ({"learning_rate": True}, "give a number"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"warmup": 1}, "warmup is 1"),
        ({"weight_decay": -1}, "weight_decay is -1"),
        ({"momentum": 1}, "momentum is 1"),
        ({"label_smoothing": 1}, "label_smoothing is 1"),
        ({"flip": 1}, "give true or false"),
        ({"shift": -1}, "shift is -1"),
        ({"crop_scale": [0.5, 0.2]}, "crop_scale is (0.5, 0.2)"),
        ({"crop_scale": 0.5}, "crop_scale is 0.5: give two numbers"),
        ({"crop_scale": [0.5, "a"]}, "give two numbers"),
        ({"schedule": "sine"}, "schedule 'sine' is unknown; did you mean cosine?"),
        ({"schedule": ["cosine"]}, "schedule ['cosine'] is unknown"),
        ({"optimiser": "adm"}, "optimiser 'adm' is unknown; did you mean adam?"),
        ({"distillation": 3}, "distillation is 3: give a table of teacher, temperature, weight"),
        ({"distillation": {"weigth": 0.5}}, "give a table of"),
        ({"distillation": {"weight": "half"}}, "distillation weight is 'half': give a number"),
        ({"stages": "two"}, "unknown"),
        ({"stages": [{"share": "long"}]}, "long"),
        ({"stages": 3}, "recipe"),
        ({"distillation": {"heat": 3}}, "heat"),
        ({"distillation": 1}, "recipe"),
    ],
)
def test_what_a_person_may_get_wrong_is_one_line(values, part):
    with pytest.raises(UsageError) as caught:
        Recipe.from_dict(values)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("schedule", Schedule)
def test_learning_rates_stay_above_nothing_and_at_most_at_the_peak(schedule):
    shares = [share_of_peak(schedule, (step + 0.5) / 200, 0.2) for step in range(200)]
    assert all(0 < share <= 1 for share in shares)
    assert max(shares) > 0.99


def test_shapes_of_the_schedules():
    def shares(schedule, positions):
        return [round(share_of_peak(schedule, position, 0.2), 6) for position in positions]

    assert shares(Schedule.ONE_CYCLE, (0.1, 0.2, 0.6)) == [0.5, 1, 0.5]
    assert shares(Schedule.COSINE, (1e-9, 0.5)) == [1, 0.5]
    assert shares(Schedule.LINEAR, (0.25, 0.5)) == [0.75, 0.5]
    assert shares(Schedule.STEP, (0.49, 0.5, 0.74, 0.75)) == [1, 0.1, 0.1, 0.01]
    assert shares(Schedule.CONSTANT, (0.1, 0.9)) == [1, 1]


def test_a_teacher_learns_by_the_same_recipe_in_real_numbers():
    recipe = RECIPES["distillation"]
    taught = recipe.of_teacher().to_dict() | {"stages": recipe.to_dict()["stages"], "distillation": None}
    assert taught == recipe.to_dict() | {"distillation": None}
    assert recipe.deployable
    assert not recipe.of_teacher().deployable


# ---------------------------------------------------------------- by name and from files


def test_recipes_by_name_and_from_files(tmp_path):
    assert load_recipe("quick") == QUICK == Recipe()
    assert load_recipe("full") == FULL
    assert FULL.epochs >= 100
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 5\nschedule = "cosine"\n[[stages]]\nshare = 2\narithmetic = "exact"\n[[stages]]\n')
    mine = load_recipe(str(path))
    assert (mine.epochs, mine.schedule, mine.batch_size) == (5, Schedule.COSINE, QUICK.batch_size)
    assert [(stage.share, str(stage.arithmetic)) for stage in mine.stages] == [(2.0, "exact"), (1.0, "target")]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"epochs = ", "no TOML"),
        (b"\xff\xfe", "no TOML"),
        (b"epoch = 3", "mine.toml: recipe: epoch is unknown"),
        (b'base = "fast"', "base 'fast' is unknown"),
        (b'base = ["quick"]', "base ['quick'] is unknown"),
        (b"stages = 3", "mine.toml: recipe: stages is 3: give one of plain, "),
    ],
)
def test_damaged_recipe_files_are_one_line(tmp_path, content, part):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load_recipe(str(path))
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_read_numbers_words_and_tables():
    read = parse_settings(["epochs=3", "optimiser = sgd", "flip=true", "distillation={weight = 0.2}"])
    assert read == {"epochs": 3, "optimiser": "sgd", "flip": True, "distillation": {"weight": 0.2}}
