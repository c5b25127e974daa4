"""One call that sends an upload: its chunks in, until the finish or the end."""

from collections.abc import AsyncIterator
from typing import TypeAlias

from runstream_server.core.artifacts.failures import checksum_mismatch, contract_terms
from runstream_server.core.artifacts.values import UploadChunk, UploadFinish
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.stopping import Stopping
from runstream_server.objects.base import Digest, Upload
from runstream_server.objects.checksums import crc32c

__all__ = ["Parts", "check_digest", "take_parts"]

Parts: TypeAlias = AsyncIterator[UploadChunk | UploadFinish]


async def take_parts(
    upload: Upload, parts: Parts, stopping: Stopping, takeover: Stopping
) -> UploadFinish | None:
    """Takes chunks in until the finish, which it returns, or the end of the parts.

    The next part is asked for once the store has room for it: that is what slows a sender down who
    is faster than the disk.

    Raises:
        Failure: SERVER_STOPPING, with all that was taken durable; UPLOAD_MOVED; OFFSET_GAP;
            CHECKSUM_MISMATCH; whatever the parts raise.
        StorageError: The medium failed.
    """
    with contract_terms():
        while True:
            try:
                with stopping.interrupts(), takeover.interrupts():
                    part = await anext(parts, None)
            except Failure as failure:
                if failure.reason is Reason.SERVER_STOPPING:
                    await upload.sync()
                raise
            if not isinstance(part, UploadChunk):
                return part
            await _take(upload, part)


async def _take(upload: Upload, chunk: UploadChunk) -> None:
    expected = upload.offset
    if chunk.offset > expected:
        raise Failure(
            Reason.OFFSET_GAP,
            f"the chunk begins at {chunk.offset}, and the server has the upload up to {expected};"
            " send it from there on",
            expected_offset=expected,
            offset=chunk.offset,
        )
    if chunk.offset == expected:
        await upload.append(chunk.data, crc32c=chunk.crc32c)
        return
    if chunk.crc32c is not None:
        actual = crc32c(chunk.data)
        if actual != chunk.crc32c:
            raise checksum_mismatch(chunk.offset, expected=chunk.crc32c, actual=actual)
    await upload.append(memoryview(chunk.data)[expected - chunk.offset :])


def check_digest(finish: UploadFinish, digest: Digest) -> None:
    """Checks that what arrived is what the sender says of the whole.

    Raises:
        Failure: DIGEST_MISMATCH.
    """
    if finish.size_bytes is not None and finish.size_bytes != digest.size_bytes:
        raise _mismatch("size in bytes", str(finish.size_bytes), str(digest.size_bytes))
    if finish.crc32c is not None and finish.crc32c != digest.crc32c:
        raise _mismatch("CRC32C", f"{finish.crc32c:#010x}", f"{digest.crc32c:#010x}")
    if finish.sha256 and digest.sha256 and finish.sha256 != digest.sha256:
        raise _mismatch("SHA-256", finish.sha256.hex(), digest.sha256.hex())


def _mismatch(what: str, expected: str, actual: str) -> Failure:
    return Failure(
        Reason.DIGEST_MISMATCH,
        f"the {what} of what arrived is {actual}, not {expected} as its finish says; the upload is"
        " discarded and nothing else changed: send the file anew, from its beginning",
        expected=expected,
        actual=actual,
    )
