"""What `import isa_models` offers, and what it does not load until it is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import isa_models

SOURCE = Path(isa_models.__file__)


def test_every_public_name_is_there_with_its_type():
    for name in isa_models.__all__:
        assert getattr(isa_models, name) is not None
    assert dir(isa_models) == sorted(isa_models.__all__)


def test_types_and_run_time_agree():
    """What type checkers see is imported under TYPE_CHECKING; each name must come from the same module when used."""
    guarded = next(node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    typed = {
        alias.name: str(node.module)
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert sorted(typed) == sorted(isa_models.__all__)
    for name, module in typed.items():
        __import__(module)
        assert getattr(isa_models, name) is getattr(sys.modules[module], name)


def test_a_name_is_no_module():
    """A submodule called like a public name would hide it as soon as it is imported."""
    assert not {path.stem for path in SOURCE.parent.glob("*.py")} & set(isa_models.__all__)


def test_unknown_name():
    with pytest.raises(AttributeError, match="'isa_models' has no attribute 'simulat'"):
        _ = isa_models.simulat


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import isa_models", {"numpy", "numba", "unicorn", "capstone", "yaml", "pydantic"}),
        ("from isa_models import list_cores, InputError", {"numba", "unicorn", "capstone"}),
        ("from isa_models import simulate", {"torch", "optuna", "plotly"}),
    ],
)
def test_only_what_is_needed_is_loaded(statement, absent):
    program = (
        f"import sys; {statement}; loaded = {absent!r} & sys.modules.keys(); sys.exit(str(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
