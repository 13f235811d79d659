"""Zstandard: of the standard library where it has it, from 3.14 on."""

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["packed", "zstd"]

# To make one takes as long as to pack a page by it.
_COMPRESSOR = zstd.ZstdCompressor()


def packed(body: bytes) -> bytes:
    """A whole frame, as :func:`zstd.compress` makes it."""
    return _COMPRESSOR.compress(body, mode=zstd.ZstdCompressor.FLUSH_FRAME)
