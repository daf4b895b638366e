"""Errors of this package: each message is one line that says what is wrong, where, and what to do."""


class KernelError(Exception):
    """Base of every error raised on purpose by `kernels_asm`."""


class InputError(KernelError):
    """The caller asked for something that cannot be: an illegal shape, arithmetic, tile or source."""


class AssemblyError(KernelError):
    """The assembler or the linker refused a kernel source; the message names file and line."""
