"""Kernels that carry feature maps between binary convolutions: packing, pooling, sums and batch norms.

Each module has one kernel's argument block, its assembler symbols and its oracle in NumPy. Feature maps are arrays of
(height, width, channels), channels contiguous. The sources are in `kernels_asm/asm/companions`.
"""
