"""What a handler gets beside its request."""

from typing import Any, TypeAlias

import grpc.aio

__all__ = ["RpcContext"]

RpcContext: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
"""The servicer context. Handlers raise `Failure` instead of calling its `abort`."""
