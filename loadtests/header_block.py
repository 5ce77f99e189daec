"""Header blocks of HTTP/2 (HPACK, RFC 7541): the request's written once, of the response's only what is judged is read.

The dynamic table is switched off in both directions, so no block depends on another and equal bytes mean equal fields.
Most blocks are met again and come from a cache; a head with an id or a date of its own is walked field by field, and a
value that nobody asks for is stepped over: the `hpack` package would spend more on it than the rest of a call costs.
"""

from typing import TypeVar

from hpack import Decoder, HPACKError

from loadtests.exchange import Fields, WireError

T = TypeVar("T")

JUDGED = frozenset({":status", "grpc-status", "grpc-message", "sluice-code"})

_STATIC_NAMES = {":authority": 1, ":path": 4, "content-type": 31, "user-agent": 58}
_POST_OVER_HTTP = b"\x83\x86"
_CACHE_LIMIT = 4096


def post_block(fields: dict[str, str]) -> bytes:
    """Write the header block of a POST over plain HTTP: every field a literal that is not indexed."""
    return _POST_OVER_HTTP + b"".join(_literal(name, value) for name, value in fields.items())


class BlockReader:
    """Reads response header blocks of any number of connections; keeps the fields named in `JUDGED`."""

    def __init__(self) -> None:
        self._blocks: dict[bytes, Fields] = {}
        self._names: dict[bytes, str] = {}
        self._fields: dict[bytes, dict[str, str]] = {}
        self._decoder = Decoder()
        # A reference into a dynamic table then fails here instead of naming the wrong field.
        self._decoder.header_table_size = self._decoder.max_allowed_table_size = 0

    def read(self, block: bytes) -> Fields:
        """Return the judged fields of `block`; raises WireError."""
        fields = self._blocks.get(block)
        return self._walk(block) if fields is None else fields

    def _walk(self, block: bytes) -> Fields:
        fields: dict[str, str] = {}
        at, size = 0, len(block)
        try:
            while at < size:
                begun = at
                at = name_end = _after_name(block, begun)
                if _is_literal(block[begun]):
                    name = self._name(block[begun:name_end])
                    at = _after_text(block, name_end)
                    if name not in JUDGED:
                        continue
                fields |= self._field(block[begun:at])
        except (HPACKError, UnicodeDecodeError, IndexError) as exc:
            raise WireError("unreadable header block") from exc
        if at != size:
            raise WireError("a header block ends within a field")
        _keep(self._blocks, block, fields)
        return fields

    def _field(self, part: bytes) -> dict[str, str]:
        """Return the field that `part` of a block holds, if it is judged; a table size holds none."""
        field = self._fields.get(part)
        if field is None:
            decoded = {str(name): str(value) for name, value in self._decoder.decode(part)}
            field = {name: value for name, value in decoded.items() if name in JUDGED}
            _keep(self._fields, part, field)
        return field

    def _name(self, start: bytes) -> str:
        """Return the name that a literal field starts with, decoded as that field with an empty value."""
        name = self._names.get(start)
        if name is None:
            name = self._names[start] = str(next(iter(self._decoder.decode(start + b"\0")))[0])
        return name


def _keep(cache: dict[bytes, T], key: bytes, value: T) -> None:
    if len(cache) >= _CACHE_LIMIT:
        cache.clear()
    cache[key] = value


def _is_literal(first: int) -> bool:
    return first & 0xC0 == 0x40 or first & 0xE0 == 0


def _after_name(block: bytes, at: int) -> int:
    """Return where a field's value begins, or where an indexed field or a table size ends."""
    first = block[at]
    if first & 0x80:
        return _after_integer(block, at, 0x7F)
    mask = 0x3F if first & 0x40 else 0x1F if first & 0x20 else 0x0F
    if first & mask or first & 0xE0 == 0x20:
        return _after_integer(block, at, mask)
    return _after_text(block, at + 1)


def _after_integer(block: bytes, at: int, mask: int) -> int:
    if block[at] & mask < mask:
        return at + 1
    at += 1
    while block[at] & 0x80:
        at += 1
    return at + 1


def _after_text(block: bytes, at: int) -> int:
    size = block[at] & 0x7F
    if size < 0x7F:
        return at + 1 + size
    end = _after_integer(block, at, 0x7F)
    return end + 0x7F + sum((byte & 0x7F) << 7 * place for place, byte in enumerate(block[at + 1 : end]))


def _literal(name: str, value: str) -> bytes:
    index = _STATIC_NAMES.get(name, 0)
    written = _integer(index, 4) if index else b"\0" + _text(name)
    return written + _text(value)


def _text(text: str) -> bytes:
    data = text.encode("ascii")
    return _integer(len(data), 7) + data


def _integer(value: int, prefix_bits: int) -> bytes:
    """Write an HPACK integer whose first byte has `prefix_bits` of room and zeros above."""
    full = (1 << prefix_bits) - 1
    if value < full:
        return bytes((value,))
    written, value = [full], value - full
    while value >= 128:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes((*written, value))
