from pathlib import Path

import pytest

import runstream
from runstream._tracking_uri import TrackingUri


@pytest.mark.parametrize(
    ("text", "whole", "target", "tls"),
    [
        ("grpc://host:1234", "grpc://host:1234", "host:1234", False),
        ("grpc://host", "grpc://host:50051", "host:50051", False),
        ("grpc://host/", "grpc://host:50051", "host:50051", False),
        ("GRPC://HOST:1", "grpc://host:1", "host:1", False),
        ("grpcs://host", "grpcs://host:50051", "host:50051", True),
        ("grpc://[::1]:7", "grpc://[::1]:7", "[::1]:7", False),
        ("unix:/run/rs.sock", "unix:/run/rs.sock", "unix:/run/rs.sock", False),
        ("unix:///run/rs.sock", "unix:/run/rs.sock", "unix:/run/rs.sock", False),
    ],
)
def test_reads_addresses_of_servers(text: str, whole: str, target: str, *, tls: bool) -> None:
    uri = TrackingUri.parse(text)

    assert (uri.text, uri.target, uri.tls, uri.folder) == (whole, target, tls, None)


@pytest.mark.parametrize("text", ["file:/spools/a b", "file:///spools/a%20b"])
def test_reads_folders(text: str) -> None:
    uri = TrackingUri.parse(text)

    assert uri.folder == Path("/spools/a b")
    assert TrackingUri.parse(uri.text) == uri


def test_a_relative_folder_becomes_an_absolute_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    assert TrackingUri.parse("file:runs").folder == tmp_path / "runs"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://host:5000", "use grpc://host:50051"),
        ("https://host", "use grpcs://host:50051"),
        ("host:50051", r"did you mean grpc://host:50051\?"),
        ("localhost", r"did you mean grpc://localhost\?"),
        ("grpc://host:99999", "no usable port"),
        ("grpc://:1", "names no host"),
        ("grpc://user:secret@host", "user name or a password"),
        ("grpc://host:1/path", "end it behind the port"),
        ("sqlite:///x.db", "is none of grpc://"),
        ("file:", "is none of"),
        ("", "is none of"),
    ],
)
def test_refuses_other_addresses_and_says_what_to_use(text: str, said: str) -> None:
    with pytest.raises(runstream.InvalidValue, match=said):
        TrackingUri.parse(text)


def test_a_refused_password_is_not_shown() -> None:
    with pytest.raises(runstream.InvalidValue) as caught:
        TrackingUri.parse("grpc://user:secret@host")

    assert "secret" not in str(caught.value)


def test_the_set_uri_goes_before_the_environment_and_that_before_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RUNSTREAM_TRACKING_URI")
    assert runstream.get_tracking_uri() == "grpc://127.0.0.1:50051"

    monkeypatch.setenv("RUNSTREAM_TRACKING_URI", "grpc://a")
    assert runstream.get_tracking_uri() == "grpc://a:50051"

    runstream.set_tracking_uri("grpc://b")
    assert runstream.get_tracking_uri() == "grpc://b:50051"

    runstream.set_tracking_uri("")
    assert runstream.get_tracking_uri() == "grpc://a:50051"


def test_setting_a_bad_uri_changes_nothing() -> None:
    runstream.set_tracking_uri("grpc://a")

    with pytest.raises(runstream.InvalidValue):
        runstream.set_tracking_uri("http://b")

    assert runstream.get_tracking_uri() == "grpc://a:50051"
