"""The compiler that the package ziglang carries."""

from pathlib import Path

import ziglang

ZIG = str(Path(ziglang.__file__).with_name("zig"))
"""Its program: to start Python to start it, as `python -m ziglang` does, takes half as long again."""
