"""A small fixed number of mutilated frames over sockets; see `tools/socketfuzz.py`, which has thrown a million."""

from tools import socketfuzz


def test_mutilated_frames_hurt_nobody_else():
    counts = socketfuzz.run(frames=4_000, seed=1).counts
    # All of it happens, or the test would show nothing.
    assert {f"{dialect} messages: {socketfuzz.READ}" for dialect in ("json-rpc", "socketio")} <= counts.keys()
    assert {"json-rpc messages: closed with 1007", "handshakes: 400"} <= counts.keys()
    assert counts["messages that the subscribers were due, and got"] > 0
