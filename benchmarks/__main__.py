"""Run every benchmark of this folder, or those named: python -m benchmarks [bench_trace ...]."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> None:
    """Call `main()` of each `bench_*` module in turn; stop at the first that returns an exit status other than 0."""
    available = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    chosen = sys.argv[1:] or available
    unknown = [name for name in chosen if name not in available]
    if unknown:
        sys.exit(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(available)}")
    for name in chosen:
        print(f"== {name}", flush=True)
        if status := importlib.import_module(f"benchmarks.{name}").main():
            sys.exit(status)


if __name__ == "__main__":
    main()
