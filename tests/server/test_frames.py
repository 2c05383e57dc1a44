"""WebSocket frames as the server sends them, and its answers to close frames."""

import pytest

from fulgurite.server.frames import BINARY, NO_CODE, TEXT, close_code, frame


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


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", NO_CODE),
        (b"\x03\xe8", 1000),
        (b"\x03\xf6reason", 1014),
        ((4999).to_bytes(2) + "理由".encode(), 4999),
        (b"\x03", 1002),
        *((code.to_bytes(2), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535)),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_a_close_frame_is_answered_with_its_code_unless_it_is_malformed(payload: bytes, code: int):
    assert close_code(payload) == code
