"""The flags of the commands, without the imports that reading their values takes."""

import argparse
from dataclasses import dataclass
from typing import Final

__all__ = [
    "DATABASE_FLAGS",
    "SERVER_FLAGS",
    "UNUSED_SPELLINGS",
    "Flag",
    "add_flags",
    "add_mlflow_spellings",
    "given_flags",
]


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag, which is also the setting `name` and the environment variable RUNSTREAM_<NAME>.

    Without a metavar it is a switch, which `--no-<name>` turns off; the variable is true or false.
    """

    name: str
    metavar: str
    default: str
    help: str

    @property
    def spelling(self) -> str:
        """How the flag is written."""
        return f"{self.option} {self.metavar}" if self.metavar else self.option

    @property
    def negation(self) -> str:
        """What turns a switch off."""
        return "--no-" + self.name.replace("_", "-")

    @property
    def option(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "RUNSTREAM_" + self.name.upper()


DATABASE_FLAGS: Final = (
    Flag(
        "data_dir",
        "DIR",
        "./runstream-data",
        "folder of the database and the artifacts, made when missing; one server at a time",
    ),
    Flag(
        "backend_store_uri",
        "URI",
        "sqlite:///DATA_DIR/runstream.db",
        "database: sqlite:///relative/path, sqlite:////absolute/path or postgresql://…",
    ),
)

SERVER_FLAGS: Final = (
    *DATABASE_FLAGS,
    Flag(
        "artifacts_destination",
        "DIR",
        "DATA_DIR/artifacts",
        "folder of the artifacts, or s3://bucket/prefix",
    ),
    Flag(
        "default_artifact_root",
        "URI",
        "none",
        "a URI or a folder: where experiments made from now on keep their artifacts, instead of the"
        " folder of the artifacts",
    ),
    Flag(
        "serve_artifacts", "", "on", "serve the artifacts over HTTP, and send MLflow clients there"
    ),
    Flag("artifacts_only", "", "off", "serve artifacts over HTTP and nothing else"),
    Flag("host", "HOST", "127.0.0.1", "address to listen on"),
    Flag("grpc_port", "PORT", "50051", "port of gRPC; 0 picks a free one"),
    Flag("port", "PORT", "5000", "port of HTTP; 0 picks a free one"),
    Flag("unix_socket", "PATH", "none", "serve gRPC on this Unix socket too"),
    Flag(
        "allowed_hosts",
        "HOSTS",
        "local names while HOST is a loopback address, else any",
        "further names, comma-separated, * matches any text, that HTTP requests may address",
    ),
    Flag("log_level", "LEVEL", "info", "debug, info, warning or error"),
    Flag("log_format", "FORMAT", "text", "text or json: one object a line"),
    Flag(
        "log_retention",
        "TIME",
        "10m",
        "how long sealed metric rows stay in the run's log, for watchers to resume: 90s, 10m, 2h",
    ),
    Flag(
        "log_retention_bytes",
        "SIZE",
        "1GiB",
        "how much of sealed metric rows stays in the logs at most: 500MB, 1GiB",
    ),
    Flag("seal_size", "SIZE", "8MiB", "a run's log is sealed into blocks when it has this size"),
    Flag("seal_age", "TIME", "30s", "or this age; and when the run ends"),
    Flag("shutdown_grace", "TIME", "10s", "how long a stop waits for requests under way"),
)


UNUSED_SPELLINGS: Final = (
    ("-w", "--workers"),
    ("--gunicorn-opts",),
    ("--uvicorn-opts",),
    ("--waitress-opts",),
    ("--registry-store-uri",),
)
"""What `mlflow server` is told about things that this server has not."""


def add_flags(parser: argparse.ArgumentParser, flags: tuple[Flag, ...]) -> None:
    """Adds flags whose values stay text and are absent unless given."""
    for flag in flags:
        if not flag.metavar:
            _add_switch(parser, flag)
            continue
        parser.add_argument(
            flag.option,
            dest=flag.name,
            metavar=flag.metavar,
            default=argparse.SUPPRESS,
            help=f"{flag.help} (default: {flag.default})",
        )


def add_mlflow_spellings(parser: argparse.ArgumentParser) -> None:
    """Lets command lines of `mlflow server` work with nothing but the program's name changed."""
    parser.add_argument(
        "-p", dest="port", metavar="PORT", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    group = parser.add_argument_group(
        "flags of mlflow server that are taken and have no effect",
        "one process serves all requests, and there is no model registry",
    )
    for spellings in UNUSED_SPELLINGS:
        group.add_argument(*spellings, dest="unused", metavar="X", default=argparse.SUPPRESS)


def _add_switch(parser: argparse.ArgumentParser, flag: Flag) -> None:
    """Adds a switch, whose value is text too: what its variable would have."""
    absent = argparse.SUPPRESS
    text = f"{flag.help} (default: {flag.default})"
    for option, value, shown in ((flag.option, "true", text), (flag.negation, "false", "or not")):
        parser.add_argument(
            option, dest=flag.name, action="store_const", const=value, default=absent, help=shown
        )


def given_flags(arguments: argparse.Namespace, flags: tuple[Flag, ...]) -> dict[str, str]:
    """Returns the values of those flags that were given."""
    values: dict[str, str] = vars(arguments)
    return {flag.name: values[flag.name] for flag in flags if flag.name in values}
