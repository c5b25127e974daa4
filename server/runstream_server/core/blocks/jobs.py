"""What the sealing process does: turn log batches, or small blocks, into a block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from runstream_server.core.blocks.decode import groups_of_block
from runstream_server.core.blocks.directory import Directory
from runstream_server.core.blocks.encode import EncodedBlock, encode_block
from runstream_server.core.blocks.groups import RowGroup, merge_groups, split_rows
from runstream_server.core.extremes import extremes_of_groups
from runstream_server.core.logformat import LogRows

__all__ = ["MergeJob", "SealJob", "SealResult", "run_job"]


@dataclass(frozen=True, slots=True)
class SealJob:
    """Log batches to encode; `layouts` holds the series ids of the layouts they use.

    The frame's items are the batches.
    """

    layouts: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class MergeJob:
    """Blocks to merge.

    The frame's items are, for each block, its directory and its `parts` parts.
    """

    parts: Sequence[int]


@dataclass(frozen=True, slots=True)
class SealResult:
    """A block.

    The frame's items are its directory, the extremes of its series (empty after a merge) and its
    parts.
    """

    points: int


def run_job(job: SealJob | MergeJob, items: Sequence[bytes]) -> tuple[SealResult, list[bytes]]:
    """Does a job."""
    if isinstance(job, SealJob):
        layouts = {id_: np.frombuffer(ids, "<u4") for id_, ids in job.layouts.items()}
        groups = split_rows((LogRows.decode(item) for item in items), layouts)
        return _answer(encode_block(groups), extremes_of_groups(groups).tobytes())
    groups = merge_groups(_groups_of_blocks(job, items))
    return _answer(encode_block(groups), b"")


def _answer(block: EncodedBlock, extremes: bytes) -> tuple[SealResult, list[bytes]]:
    return SealResult(block.points), [block.directory, extremes, *block.parts]


def _groups_of_blocks(job: MergeJob, items: Sequence[bytes]) -> list[RowGroup]:
    groups: list[RowGroup] = []
    place = 0
    for count in job.parts:
        directory = Directory.decode(items[place])
        groups.extend(groups_of_block(directory, items[place + 1 : place + 1 + count]))
        place += 1 + count
    return groups
