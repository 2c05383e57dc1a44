"""WebSocket frames as the server sends them."""

import pytest

from fulgurite.server.frames import BINARY, TEXT, frame


@pytest.mark.parametrize(
    ("payload", "opcode", "header"),
    [
        (b"", TEXT, b"\x81\x00"),
        (b"x" * 125, TEXT, b"\x81\x7d"),
        (b"x" * 126, BINARY, b"\x82\x7e\x00\x7e"),
        (b"x" * 65_535, TEXT, b"\x81\x7e\xff\xff"),
        (b"x" * 65_536, TEXT, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_length_takes_the_shortest_of_its_three_forms(payload: bytes, opcode: int, header: bytes):
    assert frame(payload, opcode) == header + payload
