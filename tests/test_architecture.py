"""The packages import each other in one direction only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "kernels_asm": set(),
    "isa_models": set(),
    "dse": {"kernels_asm", "isa_models"},
    "dashboards": {"kernels_asm", "isa_models", "dse"},
    "benchmarks": {"kernels_asm", "isa_models", "dse", "dashboards"},
}
OURS = {*MAY_IMPORT, "tests"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level packages that a module imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the arrow"
            yield (node.module or "").partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            name = node.args[0]
            start = name.values[0] if isinstance(name, ast.JoinedStr) else name
            assert isinstance(start, ast.Constant), "a computed import hides the arrow"
            yield str(start.value).partition(".")[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_arrows_only_point_down(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name in OURS - {package} - MAY_IMPORT[package]
    ]
    assert not wrong


def test_a_forbidden_arrow_is_seen_wherever_it_hides() -> None:
    source = "import os\ndef f():\n    from dse.front import x\n    import_module('dashboards.app')\n"
    assert set(imported(ast.parse(source))) == {"os", "dse", "dashboards"}
