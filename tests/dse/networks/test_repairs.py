"""Repairs as text and as JSON, and which combinations are refused."""

from __future__ import annotations

import itertools
import json

import pytest

from dse.errors import UsageError
from dse.networks import Activation, Estimator, Normalisation, Repairs, Residual
from dse.networks.repairs import repair_choices
from tests.sample_networks import every_legal_repair


def test_text_and_json_read_back_what_they_wrote():
    seen = set()
    for repairs in every_legal_repair():
        assert Repairs.parse(str(repairs)) == repairs
        assert Repairs.from_dict(json.loads(json.dumps(repairs.to_dict()))) == repairs
        seen.add(str(repairs))
    assert len(seen) == 396


def test_only_two_kinds_of_combinations_are_refused():
    refused = 0
    for shifted, before, activation in itertools.product((False, True), Normalisation, Activation):
        blind = activation is Activation.RELU and not shifted and before is Normalisation.AFTER
        twice = shifted and before is Normalisation.BEFORE
        if blind or twice:
            with pytest.raises(UsageError, match="learned-threshold"):
                Repairs(learned_threshold=shifted, normalisation=before, activation=activation)
            refused += 1
        else:
            Repairs(learned_threshold=shifted, normalisation=before, activation=activation)
    assert refused == 5


def test_options_that_are_not_named_stay():
    base = Repairs(estimator=Estimator.STE, residual=Residual.NONE)
    assert Repairs.parse("weight-scale=yes", base) == Repairs(Estimator.STE, weight_scale=True, residual=Residual.NONE)
    assert Repairs.parse("", base) == base
    assert Repairs.parse(" residual = single , estimator=tanh") == Repairs(Estimator.TANH, residual=Residual.SINGLE)


def test_choices_are_those_of_the_enumerations():
    assert repair_choices() == {
        "estimator": tuple(Estimator),
        "learned-threshold": ("no", "yes"),
        "weight-scale": ("no", "yes"),
        "normalisation": tuple(Normalisation),
        "activation": tuple(Activation),
        "residual": tuple(Residual),
    }


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("estimator=stee", "did you mean ste?"),
        ("estimater=ste", "did you mean estimator?"),
        ("estimator", "write OPTION=VALUE"),
        ("weight-scale=true", "known: no, yes"),
        ("residual=single,residual=double", "residual is given twice"),
        ("activation=relu", "every sign is \\+1"),
    ],
)
def test_wrong_text_is_one_line(text, part):
    with pytest.raises(UsageError, match=part.replace("?", r"\?")) as caught:
        Repairs.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"estimator": "none"}, {"weight_scale": 1}, {"residual": None}, {"more": True}, {"residual": ...}]
)
def test_wrong_json_is_refused(change):
    values = Repairs().to_dict() | change
    if change.get("residual") is ...:
        del values["residual"]
    with pytest.raises(UsageError, match="repairs"):
        Repairs.from_dict(values)
