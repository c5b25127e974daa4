"""Files by path, and the artifacts of runs."""

from tests.mlflow.cases import Case, Request, delete, differs, get, post

FILES = "/api/2.0/mlflow-artifacts/artifacts"
FOLDER = "{exp}/{run}/artifacts"
JSON_ANSWER = "an empty answer of MLflow's is {} here: some clients parse what they get"
FOLDER_ANSWER = "MLflow says {detail} of a folder, not its own form of errors"
HOSTILE = [
    "%252e%252e/x",
    "a/%2e%2e/%2e%2e/x",
    "%2e%2e/x",
    "C:/x",
    "C:%5cx",
    "%5c%5chost%5cshare",
    "a%2523b",
    "file:///etc/passwd",
]


def put(path: str, body: str = "data") -> Request:
    """Stores a file."""
    return differs(Request("PUT", f"{FILES}/{path}", body=body), JSON_ANSWER, 200)


def listed(path: str) -> Request:
    """Lists a folder."""
    return get(FILES, path=path)


def read(path: str, **headers: str) -> Request:
    """Reads a file."""
    return Request("GET", f"{FILES}/{path}", headers=headers)


CASES = [
    Case("a file comes back", put(f"{FOLDER}/a.txt"), read(f"{FOLDER}/a.txt")),
    Case("an empty file", put(f"{FOLDER}/e", ""), read(f"{FOLDER}/e"), listed(FOLDER)),
    Case("a later file", put("{name}/a", "1"), put("{name}/a", "22"), read("{name}/a")),
    Case("a part of it", put("{name}/a", "0123456789"), read("{name}/a", Range="bytes=2-4")),
    Case("its end", put("{name}/a", "0123456789"), read("{name}/a", Range="bytes=-3")),
    Case("no file", read("{name}/none")),
    Case("a folder", put("{name}/a/b"), differs(read("{name}/a"), FOLDER_ANSWER, 400)),
    Case(
        "folders",
        put("{name}/b.txt"),
        put("{name}/a/deep/x"),
        put("{name}/Z"),
        put("{name}/a-b"),
        listed("{name}"),
        listed("{name}/"),
        listed("{name}/a"),
        listed("{name}/a/deep"),
    ),
    Case("a folder that is a file", put("{name}/a"), listed("{name}/a"), listed("{name}/none")),
    Case(
        "deleting",
        put("{name}/a/b"),
        put("{name}/c"),
        delete(f"{FILES}/{{name}}/a"),
        delete(f"{FILES}/{{name}}/a"),
        read("{name}/a/b"),
        listed("{name}"),
    ),
    Case("odd names", put("{name}/a b?&;=+,'~.txt".replace("?", "%3f")), listed("{name}")),
    Case("unicode", put("{name}/épée/漢字"), listed("{name}"), read("{name}/épée/漢字")),
    Case("slashes twice", put("{name}//a"), read("{name}/a"), listed("{name}")),
    Case(
        "no name",
        differs(Request("PUT", f"{FILES}/{{name}}/", body="x"), FOLDER_ANSWER, 400),
    ),
    *(
        Case(
            f"hostile: {path}",
            Request("PUT", f"{FILES}/{path}", body="evil"),
            read(path),
            get(FILES, path=path),
            delete(f"{FILES}/{path}"),
            get("artifacts/list", run_id="{run}", path=path),
            get("/get-artifact", run_id="{run}", path=path),
        )
        for path in HOSTILE
    ),
    *(
        Case(
            f"absolute: {path}",
            Request("PUT", f"{FILES}/{path}", body="evil"),
            read(path),
            get(FILES, path=path),
            differs(delete(f"{FILES}/{path}"), "MLflow sends the client elsewhere", 400),
        )
        for path in ("//etc/passwd", "%2fetc%2fpasswd")
    ),
    Case(
        "a backslash in a name",
        differs(
            Request("PUT", f"{FILES}/{{name}}/a%5cb", body="x"),
            "a path is the same on every system: MLflow takes it on some and refuses it on others",
            400,
        ),
    ),
    Case(
        "artifacts of a run",
        put(f"{FOLDER}/a.txt"),
        put(f"{FOLDER}/f/b.txt"),
        get("artifacts/list", run_id="{run}"),
        get("artifacts/list", run_uuid="{run}", path="f"),
        get("artifacts/list", run_id="{run}", path="none"),
        get("artifacts/list", run_id="{run}", path="a.txt"),
        get("/get-artifact", run_id="{run}", path="f/b.txt"),
        get("/get-artifact", run_uuid="{run}", path="f/b.txt"),
        get("/get-artifact", run_id="{run}", path="none"),
        get("/get-artifact", run_id="{run}", path="f"),
    ),
    Case("artifacts of no run", get("artifacts/list", run_id="f" * 32), get("artifacts/list")),
    Case("a file of no run", get("/get-artifact", run_id="f" * 32, path="a")),
    Case("a list with no value", get("artifacts/list", run_id="")),
    Case(
        "uploads of pages",
        differs(
            Request(
                "POST",
                "/ajax-api/2.0/mlflow/upload-artifact",
                body="hello",
                query={"run_uuid": "{run}", "path": "d/a.txt"},
            ),
            JSON_ANSWER,
            200,
        ),
        get("/get-artifact", run_id="{run}", path="d/a.txt"),
    ),
    *(
        Case(
            f"uploads of pages without {what}",
            Request("POST", "/ajax-api/2.0/mlflow/upload-artifact", body=body, query=query),
        )
        for what, body, query in (
            ("a run", "x", {"path": "a"}),
            ("a path", "x", {"run_uuid": "{run}"}),
            ("data", "", {"run_uuid": "{run}", "path": "a"}),
        )
    ),
    Case(
        "an upload to no run",
        Request(
            "POST",
            "/ajax-api/2.0/mlflow/upload-artifact",
            body="x",
            query={"run_uuid": "f" * 32, "path": "a"},
        ),
    ),
    Case(
        "a deleted run's files",
        post("runs/delete", {"run_id": "{run}"}),
        put(f"{FOLDER}/late"),
        get("artifacts/list", run_id="{run}"),
    ),
    *(
        Case(f"multipart {step}", post(f"/api/2.0/mlflow-artifacts/mpu/{step}/a", body))
        for step, body in (
            ("create", {"path": "a", "num_parts": 1}),
            ("complete", {"path": "a", "upload_id": "u", "parts": [{"part_number": 1}]}),
            ("abort", {"path": "a", "upload_id": "u"}),
        )
    ),
    Case("a presigned download", get("/api/2.0/mlflow-artifacts/presigned/a")),
    Case(
        "presigned addresses",
        post("artifacts/presigned-upload-url", {"run_id": "{run}", "path": "a"}),
        post("artifacts/presigned-download-url", {"run_id": "{run}", "path": "a"}),
        post("artifacts/presigned-upload-url", {"path": "a"}),
        post("artifacts/presigned-upload-url", {"run_id": "{run}"}),
        post("artifacts/presigned-download-url", {"run_id": "{run}", "path": "../a"}),
    ),
]
