"""The pass behind a convolution: what it costs, and what decides that."""

from dataclasses import replace

import pytest

from dse.normalisation_pass import NormalisationPass, normalisation_key, time_normalisation
from isa_models import load_core
from kernels_asm import InputError, OutputType
from kernels_asm.activation import Activation

PLAIN = NormalisationPass(7, 6, 48, OutputType.INT16)
IN_INT8 = replace(PLAIN, in_int8=True)
MORE = (
    replace(PLAIN, activation=Activation.RELU),
    replace(PLAIN, activation=Activation.PRELU),
    replace(PLAIN, activation=Activation.RPRELU),
    replace(PLAIN, thresholds=True),
)


@pytest.mark.parametrize("core_name", ["cortex-a53", "cortex-a72"])
def test_what_does_more_takes_longer_and_bytes_take_less(core_name: str) -> None:
    core = load_core(core_name, {})
    plain = time_normalisation(PLAIN, core)
    assert plain.function == "float_batch_norm"
    assert time_normalisation(IN_INT8, core).cycles < plain.cycles
    assert time_normalisation(replace(PLAIN, shortcut=False), core).cycles < plain.cycles
    costs = [time_normalisation(work, core).cycles for work in MORE]
    assert min(costs) > plain.cycles
    assert costs[0] < costs[1] < costs[2]


def test_every_field_and_the_core_decide_the_key() -> None:
    core = load_core("cortex-a72", {})
    works = [
        PLAIN,
        IN_INT8,
        *MORE,
        replace(PLAIN, height=8),
        replace(PLAIN, width=7),
        replace(PLAIN, channels=64),
        replace(PLAIN, sums=OutputType.INT8),
        replace(PLAIN, shortcut=False),
    ]
    keys = [str(normalisation_key(work, core)) for work in works]
    assert len(set(keys)) == len(works)
    assert str(normalisation_key(PLAIN, load_core("cortex-a53", {}))) not in keys


def test_says_what_it_does() -> None:
    work = replace(PLAIN, activation=Activation.PRELU, thresholds=True)
    assert str(work) == "float32 batch norm of int16 7x6x48 + shortcut + prelu + thresholds"
    assert str(replace(IN_INT8, shortcut=False)) == "int8 batch norm of int16 7x6x48"


@pytest.mark.parametrize("changes", [{"activation": Activation.PRELU}, {"thresholds": True}])
def test_what_the_int8_kernel_does_not_do_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="int8 maps have neither activation nor thresholds: use float32 maps"):
        replace(IN_INT8, **changes)
