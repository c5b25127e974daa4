from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from tests.unit.objects.backends import sha256, some_bytes

from runstream_server.objects.checksums import RunningDigest, combine, crc32c, extend


def test_the_crc_is_the_published_one() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"") == 0


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_crcs_of_two_parts_make_that_of_the_whole(first: bytes, second: bytes) -> None:
    whole = crc32c(first + second)

    assert combine(crc32c(first), crc32c(second), len(second)) == whole
    assert extend(crc32c(first), second) == whole


@pytest.mark.parametrize("size_bytes", [1 << 20, (5 << 20) + 3, 8 << 20])
def test_large_parts_combine_too(size_bytes: int) -> None:
    first, second = some_bytes(1000, seed=1), some_bytes(size_bytes, seed=2)

    assert combine(crc32c(first), crc32c(second), size_bytes) == crc32c(first + second)


def test_combining_is_associative_far_beyond_memory() -> None:
    size_bytes = 1 << 45
    a, b, c = 0x12345678, 0x9ABCDEF0, 0x0F1E2D3C

    left = combine(combine(a, b, size_bytes), c, size_bytes + 7)
    right = combine(a, combine(b, c, size_bytes + 7), 2 * size_bytes + 7)

    assert left == right


def test_a_part_of_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 bytes"):
        combine(0, 0, -1)


@pytest.mark.parametrize("size_bytes", [0, 11, 300_000])
def test_a_running_digest_is_that_of_all_its_data(size_bytes: int) -> None:
    parts = [some_bytes(size_bytes + n, seed=n) for n in range(3)]
    digest = RunningDigest()

    for part in parts:
        digest.update(part, crc32c(part))

    whole = b"".join(parts)
    result = digest.result()
    assert result.size_bytes == len(whole)
    assert result.crc32c == crc32c(whole)
    assert result.sha256 == sha256(whole)
