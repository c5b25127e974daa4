"""A bucket as the destination of artifacts: what follows from it."""

import pytest

from runstream_server.exits import StartRefused
from runstream_server.settings import ServerSettings, load_settings


def settings(**given: str) -> ServerSettings:
    return load_settings({"artifacts_destination": "s3://bucket/some/prefix/", **given})


def test_a_bucket_with_a_prefix_is_the_store() -> None:
    destination = settings().s3_destination

    assert destination is not None
    assert (destination.bucket, destination.prefix) == ("bucket", "some/prefix")
    assert settings().artifacts_uri == "s3://bucket/some/prefix"
    assert settings().artifacts_dir is None
    assert settings(artifacts_destination="s3://bucket").artifacts_uri == "s3://bucket"


def test_a_folder_is_no_bucket() -> None:
    assert settings(artifacts_destination="some/folder").s3_destination is None


@pytest.mark.parametrize(
    "uri",
    ["s3://", "s3:///prefix", "s3:bucket", "s3://b", "s3://bucket/a/../b", "s3://bucket/a//b"],
)
def test_what_is_no_bucket_with_a_prefix_is_refused(uri: str) -> None:
    with pytest.raises(StartRefused, match="s3://bucket"):
        settings(artifacts_destination=uri)


def test_the_data_folder_is_used_only_by_the_database() -> None:
    assert settings().used_data_dir is not None
    assert settings(backend_store_uri="sqlite:////elsewhere/runstream.db").used_data_dir is None


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("s3://bucket/some/prefix/7/run/artifacts", "7/run/artifacts"),
        ("s3://bucket/some/prefix/with%20percent", "with%20percent"),
        ("mlflow-artifacts:/mine", "mine"),
        ("s3://bucket/some/prefixed/7", None),
        ("s3://other/some/prefix/7", None),
        ("s3://bucket/some/prefix/.runstream/uploads", None),
        ("s3://bucket/some/prefix/a/../b", None),
        ("/some/prefix/7", None),
        ("file:///some/prefix/7", None),
    ],
)
def test_places_below_the_prefix_are_served(uri: str, folder: str | None) -> None:
    assert settings().artifact_roots(5000).folder_of(uri) == folder


def test_a_whole_bucket_serves_no_local_path() -> None:
    roots = settings(artifacts_destination="s3://bucket").artifact_roots(5000)

    assert roots.folder_of("/etc") is None
    assert roots.folder_of("s3://bucket/7") == "7"


def test_rest_clients_go_through_the_server_unless_told_otherwise() -> None:
    place = "s3://bucket/some/prefix/7/run/artifacts"

    proxied = settings().artifact_roots(5000)
    assert proxied.shown_over_rest(place) == "mlflow-artifacts:/7/run/artifacts"
    not_served = settings(serve_artifacts="false").artifact_roots(5000)
    assert not_served.shown_over_rest(place) == place
    direct = settings(default_artifact_root="s3://bucket/some/prefix").artifact_roots(5000)
    assert direct.shown_over_rest(place) == place
    assert direct.folder_of(place) == "7/run/artifacts"
