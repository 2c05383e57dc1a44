"""Decompressing files that may be cut off, damaged, or several in one."""

import gzip
import random
import subprocess
import sys
from itertools import pairwise

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from fulgurite.protocol import decompress
from fulgurite.protocol.decompress import Damage, decompressor

LINES = [b'{"received_ns":%d,"frame":"%x"}\n' % (number * 7919, number**5) for number in range(3_000)]
TEXT = b"".join(LINES)
KNOWN = set(LINES)


def zst(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


COMPRESS = pytest.mark.parametrize("compress", [zst, gzip.compress], ids=["zstandard", "gzip"])


def decompressed(data: bytes, size: int = 65_536) -> tuple[bytes, list[Damage]]:
    """The text of a file that is read in pieces of a size, and the reported damage."""
    reader = decompressor(data)
    steps = [step for start in range(0, len(data), size) for step in reader.feed(data[start : start + size])]
    steps += reader.finish()
    text = b"".join(step for step in steps if isinstance(step, bytes))
    return text, [step for step in steps if isinstance(step, Damage)]


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@COMPRESS
@settings(max_examples=20)
@given(st.integers(1, 5_000), st.lists(st.integers(0, len(TEXT)), max_size=4))
def test_several_frames_are_read_whatever_the_pieces_are(compress, size, cuts):
    bounds = [0, *sorted(cuts), len(TEXT)]
    data = b"".join(compress(TEXT[start:end]) for start, end in pairwise(bounds))
    assert decompressed(data, size) == (TEXT, [])


def skippable(kind: int, size: int) -> bytes:
    """A frame that says nothing of the text (RFC 8878, section 3.1.2); pzstd and others write such."""
    return (
        (0x184D2A50 + kind).to_bytes(4, "little") + size.to_bytes(4, "little") + b"\x28\xb5\x2f\xfd"[:size].ljust(size)
    )


@settings(max_examples=30)
@given(st.integers(1, 5_000), st.lists(st.tuples(st.integers(0, 15), st.integers(0, 9_000)), min_size=1, max_size=5))
def test_skippable_frames_of_zstandard_are_skipped_wherever_they_stand(size, kinds):
    parts = [TEXT[start : start + 20_000] for start in range(0, len(TEXT), 20_000)]
    data = b"".join(skippable(*kinds[number % len(kinds)]) + zst(part) for number, part in enumerate(parts))
    assert decompressed(data, size) == (TEXT, [])
    assert decompressed(data + skippable(*kinds[0]), size) == (TEXT, [])
    assert decompressed(skippable(*kinds[0]), size) == (b"", [])


def test_what_is_not_compressed_comes_as_it_is():
    assert decompressed(b"plain") == (b"plain", [])
    assert decompressed(b"") == (b"", [])
    # Zeros after a gzip member fill the last block of a backup.
    assert decompressed(gzip.compress(b"x") + bytes(1_000)) == (b"x", [])


def test_every_flushed_line_of_a_file_that_was_killed_comes_and_it_is_said_that_it_was_cut():
    """In a hundred files that end behind a block, read in pieces of any size."""
    chance = random.Random(1)
    for _ in range(100):
        compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
        count, data = 0, b""
        for _ in range(chance.randrange(1, 40)):
            some = chance.randrange(1, 80)
            data += compressor.compress(b"".join(LINES[count : count + some]))
            data += compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            count = min(len(LINES), count + some)
        text, said = decompressed(data, chance.choice([1, 100, 65_536]))
        assert text == b"".join(LINES[:count])
        assert [each.is_end for each in said] == [True]


@COMPRESS
def test_no_flipped_bit_gives_altered_text(compress):
    """Every intact part comes; a damaged one does not, and is reported."""
    parts = [b"".join(LINES[start : start + 300]) for start in range(0, 3_000, 300)]
    data = b"".join(map(compress, parts))
    chance = random.Random(2)
    for _ in range(1_000):
        text, said = decompressed(flipped(data, chance.randrange(len(data) * 8)))
        # A bit in a header may say nothing of the text, as gzip's time of the file does.
        assert said or text == TEXT
        for line in text.splitlines(keepends=True):
            assert line in KNOWN or said[-1].is_end


@COMPRESS
@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize("zeros", [1, 17, 70_000])
def test_zeros_that_fill_up_the_end_of_a_file_are_no_damage(compress, size, zeros):
    assert decompressed(compress(TEXT) + bytes(zeros), size) == (TEXT, [])


@pytest.mark.parametrize("size", [1, 65_536])
def test_zeros_where_a_frame_of_zstandard_stood_are_damage(size):
    first, last = TEXT[:30_000], TEXT[30_000:]
    text, damage = decompressed(zst(first) + bytes(5_000) + zst(last), size)
    assert (text, len(damage)) == (first + last, 1)


def test_what_stands_behind_damage_is_found_again():
    parts = [TEXT[:40_000], TEXT[40_000:80_000], TEXT[80_000:]]
    first, second, third = map(zst, parts)
    data = first + flipped(second, len(second) * 4) + third
    text, said = decompressed(data)
    assert text == parts[0] + parts[2]
    assert len(said) == 1
    assert not said[0].is_end


def test_a_frame_that_is_too_long_to_be_kept_back_comes_and_its_damage_is_said_at_its_end(monkeypatch):
    monkeypatch.setattr(decompress, "VERIFIED_BYTES", 50_000)
    data = bytearray(zst(TEXT))
    data[-1] ^= 1  # in the checksum
    text, said = decompressed(bytes(data), 100)
    assert TEXT.startswith(text)
    assert len(text) > 50_000
    assert f"any of the {len(text):,} bytes before may be altered" in said[0].problem


@given(st.sampled_from([zst(b"x"), gzip.compress(b"x"), b""]), st.binary())
def test_whatever_comes_is_taken(beginning, data):
    decompressed(beginning + data, 3)


def test_the_missing_extra_is_named():
    program = (
        "import sys; sys.modules['zstandard'] = None\n"
        "from fulgurite.protocol.decompress import decompressor\n"
        "try: decompressor(b'\\x28\\xb5\\x2f\\xfd')\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'fulgurite[zst]'" in done.stdout
