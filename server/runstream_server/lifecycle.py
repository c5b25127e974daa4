"""One life of the server: start, serve until a signal comes, stop in order."""

import asyncio
import contextlib
import logging
import resource
import time
from typing import Final

import uvloop

from runstream_server import app, listening
from runstream_server.allocator import keep_buffers
from runstream_server.core import failpoints
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.core.stopping import Stopping
from runstream_server.data_dir import locked_data_dir
from runstream_server.database_health import DatabaseHealth
from runstream_server.exits import ExitCode, StartRefused
from runstream_server.gateway.connect.door import ConnectDoor
from runstream_server.gateway.http_server import HttpServer
from runstream_server.gateway.web.door import is_built
from runstream_server.logs import configure_logs
from runstream_server.loopback import is_loopback
from runstream_server.services.grpc_server import GrpcServer
from runstream_server.services.interceptor import RpcInterceptor
from runstream_server.settings import ServerSettings
from runstream_server.stop_signals import StopSignals

__all__ = ["run_server"]

HEALTH_NOTICE_S: Final = 0.05
"""Between the news that the server is not healthy and the end of the streams that bring it."""
STATUS_NOTICE_S: Final = 0.2
"""Between the end of the streams and that of their connections. To a client that still writes, a
closed connection is an error that hides a status which has arrived and was not read yet."""
FAREWELL_S: Final = 1.0
"""How long an RPC that outlived the grace has to tell its client."""

_log = logging.getLogger(__name__)


def run_server(settings: ServerSettings) -> ExitCode:
    """Serves until a signal comes.

    Raises:
        StartRefused: The server cannot start.
    """
    configure_logs(settings.log_level, settings.log_format)
    _allow_many_connections()
    keep_buffers()
    with (
        locked_data_dir(settings.used_data_dir, settings.database_path),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        try:
            runner.run(_Server(settings).run())
        except StartRefused:
            raise
        except Exception:  # noqa: BLE001 - the last line of defence
            _log.critical("server_failed", exc_info=True)
            return ExitCode.FAILED
    _log.info("stopped")
    return ExitCode.OK


class _Server:
    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._frame = app.Frame(settings)
        self._grace_over = Stopping()
        self._serving = False

    async def run(self) -> None:
        asked_to_stop = StopSignals()
        self._warn()
        settings, frame = self._settings, self._frame
        async with contextlib.AsyncExitStack() as stack:
            listener = stack.enter_context(listening.bind_http(settings.host, settings.port))
            grpc_server, grpc_address = self._bind_grpc()
            http_port: int = listener.getsockname()[1]
            core = await app.open_core(stack, frame, http_port)
            app.show(core, frame.instruments)
            web_address = listening.web_address(settings.host, http_port)
            servicers = app.servicers(core, frame, web_address)
            await grpc_server.start(app.services(servicers))
            stack.push_async_callback(grpc_server.stop, 0)
            rpcs = app.connect_door(frame, servicers, self._grace_over)

            async def tell_health(answering: bool) -> None:  # noqa: FBT001 - a callback
                if self._serving:
                    await grpc_server.ready(healthy=answering)

            health = DatabaseHealth(core.database, tell_health)

            def trouble() -> str:
                if not self._serving:
                    return "STOPPING"
                return "" if health.answering else "DATABASE AWAY"

            http_app = app.http_app(frame, core, rpcs, grpc_address, trouble)
            http_server = HttpServer(http_app, listener)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(http_server.serve(), name="http")
                await http_server.started()
                await grpc_server.ready()
                self._serving = True
                await stack.enter_async_context(health)
                http_address = listening.endpoint(settings.host, http_port)
                self._announce(grpc_address, http_address, web_address)
                signal_name = await asked_to_stop.wait()
                await self._drain(grpc_server, rpcs, signal_name)
                http_server.stop(FAREWELL_S)
            _log.info("http_stopped")
        _log.info("stores_closed")

    def _bind_grpc(self) -> tuple[GrpcServer, str]:
        settings, frame = self._settings, self._frame
        interceptor = RpcInterceptor(
            instruments=frame.instruments.rpc,
            stopping=frame.stopping,
            grace_over=self._grace_over,
            max_message_bytes=MAX_MESSAGE_BYTES,
        )
        server = GrpcServer(interceptor)
        port = listening.bind_grpc(server, settings.host, settings.grpc_port)
        if settings.unix_socket is not None:
            listening.bind_unix(server, settings.unix_socket)
        return server, listening.endpoint(settings.host, port)

    def _warn(self) -> None:
        settings = self._settings
        fields = {
            "version": self._frame.version,
            "database": settings.database_name,
            "artifacts": str(settings.artifacts_dir or settings.artifacts_uri),
        }
        _log.info("starting", extra=fields)
        if not is_loopback(settings.host):
            advice = (
                "whoever reaches this address can read, change and delete everything: there is no "
                "authentication and no TLS; listen on 127.0.0.1, or let only a proxy with both "
                "reach it"
            )
            _log.warning("open_to_the_network", extra={"host": settings.host, "advice": advice})
        armed = _armed_failpoint()
        if armed is not None:
            advice = "this server will kill itself there; unset RUNSTREAM_TESTING for real work"
            _log.warning("failpoint_armed", extra={"failpoint": armed, "advice": advice})

    def _announce(self, grpc_address: str, http_address: str, web_address: str) -> None:
        line = f"runstream serving grpc={grpc_address} http={http_address}"
        with contextlib.suppress(OSError):  # nobody reads it
            print(line, flush=True)  # noqa: T201 - scripts wait for it
        fields = {"grpc": grpc_address, "http": http_address}
        if not self._settings.artifacts_only:
            fields["web"] = f"{web_address}/" if is_built() else "not built, see `make web`"
        _log.info("serving", extra=fields)

    async def _drain(self, grpc_server: GrpcServer, rpcs: ConnectDoor, signal_name: str) -> None:
        """Ends RPCs so that each client knows where it stands; HTTP still answers."""
        grace_s = self._settings.shutdown_grace
        begin_s = time.perf_counter()
        _log.info("stopping", extra={"signal": signal_name, "grace_s": grace_s})
        self._serving = False
        await grpc_server.draining()
        await asyncio.sleep(HEALTH_NOTICE_S)
        _log.info("health_off")
        self._frame.stopping.begin()
        _log.info("streams_told")
        timer = asyncio.get_running_loop().call_later(grace_s, self._grace_over.begin)
        await asyncio.sleep(STATUS_NOTICE_S)
        limit_s = grace_s + FAREWELL_S
        await asyncio.gather(grpc_server.stop(limit_s), rpcs.drained(limit_s))
        timer.cancel()
        fields = {
            "ms": round((time.perf_counter() - begin_s) * 1000),
            "cut_short": self._grace_over.begun,
        }
        _log.info("grpc_stopped", extra=fields)


def _armed_failpoint() -> str | None:
    try:
        return failpoints.armed()
    except ValueError as error:
        raise StartRefused(ExitCode.USAGE, str(error)) from None


def _allow_many_connections() -> None:
    """Raises the limit of open files, often 1024, to the utmost: each writer is a connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # some systems refuse "unlimited"
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
