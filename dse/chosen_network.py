"""The network that a design chooses, for a data set."""

from __future__ import annotations

from dse.data import Dataset
from dse.data.resizing import shape_at
from dse.design import NetworkChoice
from dse.errors import UsageError
from dse.legality import NetworkOf
from dse.networks import Network, build_network


def network_builder(name: str, dataset: Dataset) -> NetworkOf:
    """Return the function that builds the network called `name` for the data set.

    It raises UsageError where there is no such network, or images would have to be made larger for it.
    """

    def network_of(choice: NetworkChoice) -> Network:
        rows = min(dataset.input_shape[1:])
        if choice.input_size is not None and choice.input_size > rows:
            raise UsageError(f"input size {choice.input_size}: images of {dataset.name} have {rows} rows: give fewer")
        return build_network(
            name,
            choice.width_multiplier,
            shape_at(dataset.input_shape, choice.input_size),
            dataset.classes,
            choice.repairs,
            choice.maps,
            choice.depth_multiplier,
        )

    return network_of
