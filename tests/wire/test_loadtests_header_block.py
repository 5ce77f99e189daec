"""Header blocks, bytes in and out, against the `hpack` package and RFC 7541's own examples."""

import pytest
from hpack import Decoder, Encoder
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.exchange import WireError
from loadtests.header_block import JUDGED, BlockReader, post_block

NAMES = st.one_of(
    st.sampled_from(sorted(JUDGED)), st.sampled_from(["x-request-id", "date", "server", "x-" + "n" * 130])
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300)


def encode(fields: list[tuple[str, str]], huffman: bool) -> bytes:
    encoder = Encoder()
    encoder.header_table_size = 0
    return bytes(encoder.encode(fields, huffman=huffman))


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(NAMES, VALUES), unique_by=lambda field: field[0]), st.booleans())
def test_the_judged_fields_of_any_block_are_read(fields: list[tuple[str, str]], huffman: bool) -> None:
    block = encode(fields, huffman)
    reader = BlockReader()
    expected = {name: value for name, value in fields if name in JUDGED}
    assert reader.read(block) == expected
    assert reader.read(block) is reader.read(block)


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_break_the_wire(block: bytes) -> None:
    try:
        BlockReader().read(block)
    except WireError:
        return


def test_a_request_block_says_what_was_asked_and_leaves_the_table_alone() -> None:
    fields = {":path": "/p" * 200, ":authority": "localhost:1", "te": "trailers", "user-agent": "ü".encode().hex()}
    decoder = Decoder()
    read = {str(name): str(value) for name, value in decoder.decode(post_block(fields))}
    assert read == {":method": "POST", ":scheme": "http"} | fields
    assert len(decoder.header_table.dynamic_entries) == 0


def test_a_reference_to_a_dynamic_table_is_an_error() -> None:
    reader = BlockReader()
    reader.read(b"\x40\x0bgrpc-status\x010")
    with pytest.raises(WireError, match="unreadable"):
        reader.read(b"\xbe")


@pytest.mark.parametrize("block", [b"\x00", b"\x00\x04date\x09abc", b"\x00\x0bgrpc-status\x020", b"\x3f\xff\xff\x7f"])
def test_a_block_cut_short_is_an_error(block: bytes) -> None:
    with pytest.raises(WireError):
        BlockReader().read(block)
