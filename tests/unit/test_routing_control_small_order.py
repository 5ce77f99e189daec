"""Keys of small order: the curve says which they are, each is tried to sign with by nobody, and each is refused."""

import base64
import hashlib
import itertools
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from routing.control.principals import PrincipalsError, read_principals
from routing.control.small_order import has_small_order

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
NEUTRAL: Point = (0, 1)


def added(one: Point, other: Point) -> Point:
    """The curve's addition, -x² + y² = 1 + d·x²·y² (RFC 8032, section 5.1)."""
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P)
    return x % P, y % P


def times(factor: int, point: Point) -> Point:
    total = NEUTRAL
    for bit in bin(factor)[2:]:
        total = added(total, total)
        total = added(total, point) if bit == "1" else total
    return total


def roots(y: int) -> list[int]:
    """The x that belong to a y (RFC 8032, section 5.1.3)."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    root = pow(square, (P + 3) // 8, P)
    candidates = {root, root * pow(2, (P - 1) // 4, P) % P}
    return sorted({x % P for root in candidates if root * root % P == square for x in (root, -root)})


def small_points() -> list[Point]:
    """All eight, out of any points of the curve: L times one of them has an order that divides 8."""
    found = {times(L, (x, y)) for y in range(2, 40) for x in roots(y)}
    return sorted(found)


def encoded(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


POINTS = small_points()
ENCODINGS = sorted(
    {encoded(y, sign) for _, small in POINTS for y in (small, small + P) if y < 2**255 for sign in (0, 1)}
)


def test_there_are_eight_such_points_and_fourteen_ways_to_write_one() -> None:
    assert len(POINTS) == 8
    assert all(times(8, point) == NEUTRAL for point in POINTS)
    assert len(ENCODINGS) == 14


@pytest.mark.parametrize("key", ENCODINGS, ids=bytes.hex)
def test_no_principal_has_one(tmp_path: Path, key: bytes) -> None:
    assert has_small_order(key)
    path = tmp_path / "principals.yaml"
    path.write_text(f'principals:\n  eve: {{key: "{base64.b64encode(key).decode()}", roles: [operate]}}\n')
    with pytest.raises(PrincipalsError, match=r"eve: key is of small order: anybody could sign for it"):
        read_principals(path)


def forges(key: bytes) -> bool:
    """Whether a signature without any private key is taken as this key's: R of small order, S = 0."""
    known = Ed25519PublicKey.from_public_bytes(key)
    for number, r in itertools.product(range(16), ENCODINGS):
        try:
            known.verify(r + bytes(32), hashlib.sha256(bytes([number])).digest())
        except InvalidSignature:
            continue
        return True
    return False


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_library_alone_would_let_anybody_sign(point: Point) -> None:
    assert forges(encoded(point[1], point[0] & 1))


def test_keys_that_somebody_has_are_none() -> None:
    keys = [Ed25519PrivateKey.generate().public_key().public_bytes_raw() for _ in range(50)]
    assert not any(has_small_order(key) for key in keys)
    assert not forges(keys[0])
