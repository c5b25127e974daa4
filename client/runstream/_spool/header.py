"""The bytes that a segment begins with."""

import struct
from dataclasses import dataclass
from typing import Final, Self
from zlib import crc32

from runstream.errors import SpoolError, UnsupportedSpool

__all__ = [
    "FORMAT_VERSION",
    "MAX_HEADER_BYTES",
    "BadHeader",
    "SegmentHeader",
    "WriterIdentity",
]

FORMAT_VERSION: Final = 1
MAX_HEADER_BYTES: Final = 64 * 1024
"""The longest header: names and addresses of 32 KiB together fit."""

_MAGIC: Final = b"RSTSPOOL"
_FIXED: Final = struct.Struct("<8sII16s16siIQqQQQII")
_CRC: Final = struct.Struct("<I")
_NO_RANK: Final = -1


class BadHeader(SpoolError):
    """Means that a segment begins with something else: it was torn, or is corrupt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterIdentity:
    """Says who writes, to which run of which experiment, and for which server.

    Attributes:
        run_id: 32 lower-case hexadecimal digits.
        writer_id: 32 lower-case hexadecimal digits.
        rank: The process's rank in its job, None for a single-process job.
        attempt: Counts the restarts of the run before.
        experiment: The experiment's name.
        server_uri: The server that the spool is meant for.
    """

    run_id: str
    writer_id: str
    rank: int | None = None
    attempt: int = 0
    experiment: str = ""
    server_uri: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHeader:
    """Begins a segment.

    Attributes:
        identity: The writer.
        segment: The segment's number in the writer, from 0.
        created_us: When it was begun, microseconds since the epoch.
        first_row: The offset of its first row.
        first_operation: The number of its first operation.
        first_artifact: The number of its first artifact.
    """

    identity: WriterIdentity
    segment: int
    created_us: int
    first_row: int
    first_operation: int
    first_artifact: int

    def encode(self) -> bytes:
        """Returns the header's bytes, whose number is a multiple of 8."""
        who = self.identity
        experiment, server_uri = who.experiment.encode(), who.server_uri.encode()
        texts = experiment + server_uri
        padding = -(_FIXED.size + len(texts) + _CRC.size) % 8
        fixed = _FIXED.pack(
            _MAGIC,
            FORMAT_VERSION,
            _FIXED.size + len(texts) + padding + _CRC.size,
            bytes.fromhex(who.writer_id),
            bytes.fromhex(who.run_id),
            _NO_RANK if who.rank is None else who.rank,
            who.attempt,
            self.segment,
            self.created_us,
            self.first_row,
            self.first_operation,
            self.first_artifact,
            len(experiment),
            len(server_uri),
        )
        unsigned = fixed + texts + bytes(padding)
        return unsigned + _CRC.pack(crc32(unsigned))

    @classmethod
    def decode(cls, data: bytes) -> tuple[Self, int]:
        """Reads the header that `data` begins with; returns it and its size in bytes.

        Raises:
            UnsupportedSpool: if the segment is of a newer format.
            BadHeader: if these are not the bytes of a header.
        """
        if len(data) < _FIXED.size or data[:8] != _MAGIC:
            raise BadHeader("not a spool segment: it does not begin with RSTSPOOL and a header")
        magic, version, size, writer_id, run_id, rank, attempt, *rest = _FIXED.unpack_from(data)
        del magic
        if version != FORMAT_VERSION:
            raise UnsupportedSpool(
                f"the segment is of spool format {version}, this version reads {FORMAT_VERSION}: "
                "deliver it with a newer runstream"
            )
        signed_at = size - _CRC.size
        if not _FIXED.size <= signed_at <= len(data) - _CRC.size:
            raise BadHeader(f"the segment's header is cut off: {len(data)} of {size} bytes")
        if crc32(memoryview(data)[:signed_at]) != _CRC.unpack_from(data, signed_at)[0]:
            raise BadHeader("the segment's header is corrupt: its CRC differs")
        segment, created_us, first_row, first_operation, first_artifact, *lengths = rest
        name_bytes, uri_bytes = lengths
        texts = _FIXED.size
        identity = WriterIdentity(
            run_id=run_id.hex(),
            writer_id=writer_id.hex(),
            rank=None if rank == _NO_RANK else rank,
            attempt=attempt,
            experiment=data[texts : texts + name_bytes].decode(),
            server_uri=data[texts + name_bytes : texts + name_bytes + uri_bytes].decode(),
        )
        header = cls(
            identity=identity,
            segment=segment,
            created_us=created_us,
            first_row=first_row,
            first_operation=first_operation,
            first_artifact=first_artifact,
        )
        return header, size
