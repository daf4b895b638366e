"""Descriptions of networks: frozen, typed, without weights; training and timing both start from one."""

from dse.networks.catalogue import DEFAULT_NETWORK, build_network, network_names
from dse.networks.layers import BinaryConv, Classifier, FloatConv, Layer
from dse.networks.network import Network

__all__ = [
    "DEFAULT_NETWORK",
    "BinaryConv",
    "Classifier",
    "FloatConv",
    "Layer",
    "Network",
    "build_network",
    "network_names",
]
