"""Adds to artifacts what only the database knows of them: their digests."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifacts.values import Artifact
from runstream_server.objects.base import ObjectInfo
from runstream_server.storage.digest_rows import DigestState, digests_of_paths

__all__ = ["plain_artifact", "with_digests"]


def plain_artifact(info: ObjectInfo) -> Artifact:
    """Returns an object as an artifact, without a digest."""
    return Artifact(
        path=info.location.path, size_bytes=info.size_bytes, modify_time_us=info.modify_time_us
    )


async def with_digests(
    connection: AsyncConnection, owner_id: str, artifacts: Sequence[Artifact]
) -> list[Artifact]:
    """Returns artifacts of one owner with the digests that are known of them.

    What was written past this server, or replaced since, has another size or time and so no digest.
    """
    paths = [artifact.path for artifact in artifacts if not artifact.directory]
    known = await digests_of_paths(connection, owner_id, paths)
    described: list[Artifact] = []
    for artifact in artifacts:
        row = known.get(artifact.path)
        if row is not None and (row.size_bytes, row.modify_time_us) == (
            artifact.size_bytes,
            artifact.modify_time_us,
        ):
            described.append(
                replace(artifact, sha256=row.sha256, digest_state=DigestState(row.state))
            )
        else:
            described.append(artifact)
    return described
