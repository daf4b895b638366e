"""Design-space exploration: networks, training, the search space, evaluation, studies, reports, the command line."""

import os

# PyTorch's OpenMP threads spin while they wait for each other. Where another program takes one of two cores, a training
# step then takes several times as long; spinning briefly, then sleeping, costs nothing measurable on idle cores. OpenMP
# reads this when PyTorch is first imported, so it stands here, ahead of every module that does.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
