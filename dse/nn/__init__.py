"""Networks as PyTorch modules, with the arithmetic contract in their binary layers."""
