"""What the study benchmark found, in one value, and how its page says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.study_resume import Resume
from benchmarks.study_samplers import (
    BASELINE,
    ENOUGH,
    RANDOM_SHARE,
    SPACE_SHARE,
    TRAINING_SECONDS,
    SamplerResult,
)
from benchmarks.study_throughput import COLD_TARGET, WARM_TARGET, Throughput
from benchmarks.study_trainings import TARGET as TRAININGS_TARGET
from benchmarks.study_trainings import Trainings

_HEAD: Final = """# Studies

Made by `{command}`; do not edit.

## Evaluations that samplers need

A space of {designs:,} legal designs of `tiny` on {core}, widths x accumulators x overflows x clips x feature maps, is
evaluated as a whole. Latencies are those of the inner search over simulated kernels. Accuracies are a **stand-in**, a
fixed formula (`benchmarks/study_accuracy.py`): thousands of trainings would take days, and how many evaluations a
search needs depends on the shape of the trade-off, not on where the accuracies come from. It lets designs that compute
the same have the same accuracy, lets clips and narrow sums cost what they take from each layer's sums, and gives each
function the noise of one seed.

The true front has {front} points. Counted are the evaluations, the known designs that every study begins with included,
until the hypervolume is {enough:.0%} of that of all designs, between the best and the worst values of the true front (a
tenth beyond the worst). As in a study, of the designs that compute the same the fastest alone is evaluated, and the
others are timed only: {functions:,} designs are left to evaluate. *Random search* evaluates all that it draws. Targets:
at most {space:.0%} of the space, and at most {random:.0%} of what random search needs, by medians. *Timed* are designs
that were timed only, *proposing* CPU seconds of the sampler until then, and *minutes* what such a study would take on
one core, with {training:g} s for each training.

![Share of the hypervolume over evaluations]({picture})

| sampler | median | range | timed | proposing | minutes | seeds | of space | of random | {space:.0%} | {random:.0%} |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |
"""

_THROUGHPUT: Final = f"""
## Designs a second

Latency only, `tiny` at width 1, 32-bit to 8-bit sums and both kinds of maps, in random order; a design counts as one
evaluation, also where it shares its kernels with others. *Cold* begins with an empty cache, of assembled kernels too,
*warm* with one that holds everything. *A second* is by CPU time of the busiest worker and its assemblers, which the
wall clock shows where each worker has a core to itself; *by the clock* is what it showed here, with whatever else ran.
The start of a worker is not in either. Targets with 2 workers: {COLD_TARGET} cold, {WARM_TARGET} warm. All of it goes
as fast as the machine does: one core of this one counted up by {{additions:.0f}} million a second in a loop of Python.

| space | cache | workers | designs | simulated for | a second | by the clock | target |
| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |
"""

_TRAININGS: Final = f"""
## Trainings avoided

The default space on the same core, through the study itself; accuracies are the stand-in, with the error that the
validation images of a real one have. A design that a sampler proposes is timed, with all that compute the same, and of
these one is trained: *timed* are the designs whose place against the front a study then knows. Of them it does not
train those for which one that computes the same stands (*twin*), those whose accuracy is known from one that computes
the same (*shared*), and those that could not reach the front (*bound*). *Same front*: whether the study's front is that
of all timed designs, each of them evaluated. Target: {TRAININGS_TARGET:.0%} of the timed designs not trained.

| study | proposed | timed | trained | twin | shared | bound | avoided | same front | target |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |
"""

_RESUME: Final = """
## Resuming a long study

Until a process has opened the storage, read all trials and proposed the next design with `tpe`.

| storage | trials | CPU seconds | of them proposing | by the clock |
| --- | ---: | ---: | ---: | ---: |
"""


@dataclass(frozen=True)
class StudyResults:
    """What the page says.

    Attributes:
        core: Name of the core.
        designs: Legal designs of the space.
        front: Points of its true front.
        functions: Designs of it for which no other one that computes the same is evaluated.
        samplers: Random search, and one result a sampler.
        trainings: What studies trained.
        throughput: Measurements of latency-only evaluations.
        additions: A second, of one core of the machine: see `benchmarks.study_throughput.additions_a_second`.
        resumes: One a storage.

    """

    core: str
    designs: int
    front: int
    functions: int
    samplers: Sequence[SamplerResult]
    trainings: Sequence[Trainings]
    throughput: Sequence[Throughput]
    additions: float
    resumes: Sequence[Resume]

    @property
    def random(self) -> SamplerResult:
        """What random search needs."""
        return next(one for one in self.samplers if one.name == BASELINE)


def page(results: StudyResults, command: str, picture: str) -> str:
    """Return the page in Markdown; `picture` is the path of the plot relative to it."""
    head = _HEAD.format(
        command=command,
        designs=results.designs,
        core=results.core,
        front=results.front,
        functions=results.functions,
        enough=ENOUGH,
        space=SPACE_SHARE,
        random=RANDOM_SHARE,
        picture=picture,
        training=TRAINING_SECONDS,
    )
    samplers = "".join(_sampler(one, results) for one in results.samplers)
    trainings = _TRAININGS + "".join(map(_trainings, results.trainings)) if results.trainings else ""
    throughput = _throughputs(results) if results.throughput else ""
    resumes = _RESUME + "".join(map(_resume, results.resumes)) if results.resumes else ""
    return head + samplers + trainings + throughput + resumes


def _sampler(one: SamplerResult, results: StudyResults) -> str:
    in_space, in_random = one.meets(results.designs, results.random)
    low, high = one.counted[0], one.counted[-1]
    own = one.name == BASELINE
    bound, least = ("over ", one.limit) if one.median > one.limit else ("", one.median)
    cells = (
        one.name,
        _count(one.median, one.limit),
        f"{_count(low, one.limit)} to {_count(high, one.limit)}",
        f"{one.timed:.0f}",
        f"{one.seconds:.1f}",
        f"{bound}{one.study_minutes:.0f}",
        len(one.evaluations),
        f"{bound}{least / results.designs:.1%}",
        "-" if own else f"{bound}{least / results.random.median:.0%}",
        _verdict(met=in_space),
        "-" if own else _verdict(met=in_random),
    )
    return f"| {' | '.join(map(str, cells))} |\n"


def _count(count: float, limit: int) -> str:
    """Return a count, or that it is above the limit of a run."""
    return f"over {limit}" if count > limit else f"{count:.0f}"


def _trainings(one: Trainings) -> str:
    cells = (
        one.study,
        one.proposed,
        one.designs,
        one.trained,
        one.twins,
        one.shared,
        one.spared,
        f"{one.avoided:.0%}",
        "yes" if one.same_front else "**no**",
        _verdict(met=one.avoided >= TRAININGS_TARGET and one.same_front),
    )
    return f"| {' | '.join(map(str, cells))} |\n"


def _throughputs(results: StudyResults) -> str:
    rows = "".join(map(_throughput, results.throughput))
    return _THROUGHPUT.format(additions=results.additions / 1e6) + rows


def _throughput(one: Throughput) -> str:
    target = "-" if one.target is None else _verdict(met=one.rate >= one.target)
    cells = (
        one.space,
        "warm" if one.is_warm else "cold",
        one.workers,
        one.designs,
        one.designs - one.cached,
        f"{one.rate:.1f}",
        f"{one.wall_rate:.1f}",
        target,
    )
    return f"| {' | '.join(map(str, cells))} |\n"


def _resume(one: Resume) -> str:
    return f"| {one.storage} | {one.trials:,} | {one.cpu:.1f} | {one.proposal:.1f} | {one.wall:.1f} |\n"


def _verdict(*, met: bool) -> str:
    return "met" if met else "missed"
