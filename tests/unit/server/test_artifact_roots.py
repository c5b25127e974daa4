"""From URIs to folders of the store, and from the store to what REST clients are told."""

import pytest

from runstream_server.core.artifact_roots import ArtifactRoots, absolute_root, decoded
from runstream_server.settings import load_settings

STORE = "file:///srv/my%20store"
ROOTS = ArtifactRoots(
    store_uri=STORE, is_own_address=lambda host, port: (host, port) == ("me", 5000)
)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("mlflow-artifacts:/7/models", "7/models"),
        ("mlflow-artifacts:7", "7"),
        ("mlflow-artifacts:///7", "7"),
        ("mlflow-artifacts:/", ""),
        ("mlflow-artifacts:/a//./b/", "a/b"),
        ("mlflow-artifacts:/a%20b", "a b"),
        ("mlflow-artifacts:/a%2520b", "a b"),
        ("mlflow-artifacts://me:5000/7", "7"),
        ("http://me:5000/api/2.0/mlflow-artifacts/artifacts/7", "7"),
        ("https://me:5000/prefix/api/2.0/mlflow-artifacts/artifacts/7", "7"),
        (f"{STORE}/7", "7"),
        ("/srv/my store/7", "7"),
        ("/srv/my store/50%25", "50%25"),
    ],
)
def test_a_place_in_the_store_is_found(uri: str, folder: str) -> None:
    assert ROOTS.folder_of(uri) == folder


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "s3://bucket/7",
        "relative/7",
        "/srv/my store",
        "/srv/my store/../other",
        "/srv/my stores/7",
        f"{STORE}s/7",
        f"{STORE}/../other",
        f"{STORE}/%2e%2e/other",
        "file://host/srv/my%20store/7",
        "mlflow-artifacts:/../7",
        "mlflow-artifacts:/%252e%252e/7",
        "mlflow-artifacts:/" + "%" + "25" * 12 + "2e",
        "mlflow-artifacts:/.uploads",
        "mlflow-artifacts://other:5000/7",
        "mlflow-artifacts://me:5001/7",
        "mlflow-artifacts://me:port/7",
        "http://me:5000/somewhere/7",
        "http://other:5000/api/2.0/mlflow-artifacts/artifacts/7",
    ],
)
def test_a_place_elsewhere_is_none_of_the_stores(uri: str) -> None:
    assert ROOTS.folder_of(uri) is None


def test_rest_clients_are_sent_through_the_server_for_what_is_in_the_store() -> None:
    direct = ArtifactRoots(store_uri=STORE, proxied=False)

    assert ROOTS.shown_over_rest(f"{STORE}/7/x") == "mlflow-artifacts:/7/x"
    assert direct.shown_over_rest(f"{STORE}/7/x") == f"{STORE}/7/x"
    for elsewhere in ("s3://bucket/7", f"{STORE}s/7", "mlflow-artifacts:/7"):
        assert ROOTS.shown_over_rest(elsewhere) == elsewhere


def test_a_root_without_scheme_becomes_absolute() -> None:
    assert absolute_root("s3://bucket/prefix/") == "s3://bucket/prefix"
    assert absolute_root("mlflow-artifacts:/") == "mlflow-artifacts:"
    assert absolute_root("roots").endswith("/roots")
    assert absolute_root("roots").startswith("/")


def test_decoding_comes_to_an_end() -> None:
    assert decoded("a%252520b") == "a b"
    assert decoded("100%") == "100%"
    assert decoded("%" + "25" * 12 + "41") is None


@pytest.mark.parametrize(
    ("flags", "uri", "folder"),
    [
        ({}, "http://localhost:5001/api/2.0/mlflow-artifacts/artifacts/7", "7"),
        ({}, "mlflow-artifacts://[::1]:5001/7", "7"),
        ({}, "mlflow-artifacts://localhost:5000/7", None),
        ({"host": "lab.example"}, "mlflow-artifacts://lab.example:5001/7", "7"),
        (
            {"allowed_hosts": "*.example"},
            "https://lab.EXAMPLE/api/2.0/mlflow-artifacts/artifacts/7",
            "7",
        ),
        ({"serve_artifacts": "false"}, "mlflow-artifacts://localhost:5001/7", None),
    ],
)
def test_the_servers_own_names_are_known(
    flags: dict[str, str], uri: str, folder: str | None
) -> None:
    assert load_settings(flags).artifact_roots(5001).folder_of(uri) == folder


def test_artifacts_only_and_no_artifacts_exclude_each_other() -> None:
    with pytest.raises(Exception, match="no-serve-artifacts"):
        load_settings({"artifacts_only": "true", "serve_artifacts": "false"})
