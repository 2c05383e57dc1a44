"""A small fixed number of mutilated frames; see `tools/protocolfuzz.py`, which has thrown a million."""

from tools import protocolfuzz


def test_mutilated_frames_give_events_or_one_typed_error():
    counts = protocolfuzz.run(inputs=3_000, seed=1)
    # Both happen everywhere, or the test would show nothing.
    for name in ("json-rpc client", "socketio client", "message", "frame log line", "time", "channel"):
        assert counts[f"{name} took"], name
        assert counts[f"{name} refused"], name
