"""Run every benchmark of this folder, or those named: python -m benchmarks [bench_trace ...]."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> None:
    """Call `main()` of each `bench_*` module in turn."""
    available = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    chosen = sys.argv[1:] or available
    unknown = [name for name in chosen if name not in available]
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(available)}")
    for name in chosen:
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
