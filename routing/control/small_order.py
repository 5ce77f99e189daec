"""Which 32 bytes are an ed25519 public key that belongs to nobody, because its point has small order.

Of a key A a signature (R, S) of M is valid where S·B = R + h(R, A, M)·A (RFC 8032, section 5.1.7). Where 8·A is the
neutral element, h·A takes at most eight values: after a few tries anybody has an R and an S that fit any M. RFC 8032
leaves it to whoever reads keys to refuse these (as RFC 7748, section 7, does with inputs of small order), and neither
OpenSSL nor `cryptography` does.
"""

_P = 2**255 - 19
_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_YS = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})
"""Of the eight points of small order, in pairs of ±x: order 4; 1; 2; and twice 8. Proved in the unit tests."""


def has_small_order(key: bytes) -> bool:
    """Whether these 32 bytes (RFC 8032, section 5.1.2: y, little-endian, and the sign of x in the last bit) are such.

    Also as they should not be written: y from p on, or a sign where x is 0. OpenSSL reads those, too.
    """
    y = int.from_bytes(key, "little") & (2**255 - 1)
    return y % _P in _YS
