"""ServerService: tells about the server itself."""

import time
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import server_service_pb2 as pb, server_service_pb2_grpc as pb_grpc
from runstream_server.core import limits
from runstream_server.services.context import RpcContext

__all__ = ["ServerServicer"]

LIMITS: Final = pb.Limits(
    max_message_bytes=limits.MAX_MESSAGE_BYTES,
    max_row_points=limits.MAX_ROW_POINTS,
    max_layouts=limits.MAX_STREAM_LAYOUTS,
    max_run_series=limits.MAX_RUN_SERIES,
    max_key_length=limits.MAX_KEY_LENGTH,
    max_param_value_length=limits.MAX_PARAM_VALUE_LENGTH,
    max_tag_value_length=limits.MAX_TAG_VALUE_LENGTH,
    max_request_entries=limits.MAX_REQUEST_ENTRIES,
)


class ServerServicer(pb_grpc.ServerServiceServicer):
    """Answers with what was known when the server started."""

    def __init__(
        self,
        *,
        version: str,
        database: str,
        artifact_store: str,
        schema_version: str,
        http_address: str,
        artifact_root: str,
    ) -> None:
        start_time = Timestamp()
        start_time.FromNanoseconds(time.time_ns())
        self._info = pb.GetServerInfoResponse(
            version=version,
            database=database,
            artifact_store=artifact_store,
            schema_version=schema_version,
            start_time=start_time,
            http_address=http_address,
            limits=LIMITS,
            artifact_root=artifact_root,
        )

    async def GetServerInfo(
        self, request: pb.GetServerInfoRequest, context: RpcContext
    ) -> pb.GetServerInfoResponse:
        return self._info
