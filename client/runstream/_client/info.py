"""The call of ServerService."""

from runstream._client.calls import Unary
from runstream._client.convert import server_info_of
from runstream.entities import ServerInfo
from runstream.v1 import server_service_pb2 as pb

__all__ = ["server_info"]


def server_info() -> Unary[ServerInfo]:
    """Returns the server's version, its limits and what it runs on.

    Raises:
        ServerUnavailable: if no server answers.
    """
    return Unary(
        method="/runstream.v1.ServerService/GetServerInfo",
        request=pb.GetServerInfoRequest(),
        answer=pb.GetServerInfoResponse,
        convert=server_info_of,
    )
