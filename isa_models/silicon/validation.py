"""Write `docs/validation.md` and its plots: `python -m isa_models.silicon.validation [FOLDER]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from isa_models.core import list_cores, load_core
from isa_models.errors import InputError
from isa_models.silicon.data_sets import mix_set, sequence_set, singleton_set, table_sets
from isa_models.silicon.validation_plots import plot
from isa_models.silicon.validation_report import report

_FOLDER = Path("docs")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare the simulator with every file of measurements; return 0, or 1 where a case cannot be simulated."""
    given = sys.argv[1:] if arguments is None else arguments
    folder = Path(given[0]) if given else _FOLDER
    plots = folder / "validation"
    plots.mkdir(parents=True, exist_ok=True)
    try:
        sets = [sequence_set(), singleton_set(), mix_set(), *table_sets()]
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    for data in sets:
        plot(data, plots / f"{data.key}.svg")
    text = report(sets, [load_core(name) for name in list_cores()])
    (folder / "validation.md").write_text(text, encoding="utf-8")
    print(f"wrote {folder / 'validation.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
