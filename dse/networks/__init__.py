"""Descriptions of networks: frozen, typed, without weights; training, timing and export all start from one."""

from dse.networks.catalogue import DEFAULT_NETWORK, build_network, default_repairs, network_names
from dse.networks.layers import BinaryConv, Classifier, FloatConv, Layer, Pool, PoolKind, Relu
from dse.networks.network import Network
from dse.networks.repairs import Activation, Estimator, Normalisation, Repairs, Residual
from dse.networks.shortcut import Shortcut

__all__ = [
    "DEFAULT_NETWORK",
    "Activation",
    "BinaryConv",
    "Classifier",
    "Estimator",
    "FloatConv",
    "Layer",
    "Network",
    "Normalisation",
    "Pool",
    "PoolKind",
    "Relu",
    "Repairs",
    "Residual",
    "Shortcut",
    "build_network",
    "default_repairs",
    "network_names",
]
