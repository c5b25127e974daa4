"""Experiments."""

from tests.mlflow.cases import Case, Request, differs, get, post, saving

BY_ID = {"experiment_id": "{exp}"}
GET = get("experiments/get", experiment_id="{exp}")
MINE = "tags.of = '{name}'"


def tagged(name: str, *more: str) -> list[Request]:
    """Creates experiments that a search can tell from others."""
    tags = [{"key": "of", "value": "{name}"}]
    return [
        saving(
            post("experiments/create", {"name": f"{{name}} {each}", "tags": tags}),
            **{each: "experiment_id"},
        )
        for each in (name, *more)
    ]


def find(**arguments: object) -> Request:
    """Searches."""
    return post("experiments/search", {"max_results": 10, "filter": MINE, **arguments})


CASES = [
    Case("an experiment comes back", GET),
    Case("by name", get("experiments/get-by-name", experiment_name="{name}")),
    Case("no such name", get("experiments/get-by-name", experiment_name="nobody's")),
    Case("no name", get("experiments/get-by-name")),
    Case("an empty name", get("experiments/get-by-name", experiment_name="")),
    Case("no such id", get("experiments/get", experiment_id="987654")),
    Case("an id that is no integer", get("experiments/get", experiment_id="abc")),
    Case("an empty id", get("experiments/get", experiment_id="")),
    Case("the default experiment", get("experiments/get", experiment_id="0")),
    Case("create without a name", post("experiments/create", {})),
    Case("create with an empty name", post("experiments/create", {"name": ""})),
    Case("a name that is taken", post("experiments/create", {"name": "{name}"})),
    Case("a name of 500 characters", post("experiments/create", {"name": "{name}" + "é" * 480})),
    Case("a name that is too long", post("experiments/create", {"name": "n" * 501})),
    Case(
        "a location that is a number",
        post("experiments/create", {"name": "{name}x", "artifact_location": 7}),
    ),
    Case("tags that are a text", post("experiments/create", {"name": "{name}x", "tags": "5"})),
    Case(
        "tags at creation",
        saving(
            post(
                "experiments/create",
                {
                    "name": "{name} tags",
                    "tags": [{"key": "a", "value": "1"}, {"key": "b c/d.e", "value": ""}],
                },
            ),
            tagged="experiment_id",
        ),
        get("experiments/get-by-name", experiment_name="{name} tags"),
    ),
    Case(
        "a tag twice at creation",
        differs(
            post(
                "experiments/create",
                {"name": "{name} twice", "tags": [{"key": "a", "value": "1"}] * 2},
            ),
            "MLflow says that the experiment exists",
            400,
        ),
    ),
    Case(
        "a bad tag key at creation",
        post("experiments/create", {"name": "{name} x", "tags": [{"key": "a@b", "value": "1"}]}),
    ),
    *(
        Case(
            f"the location {location}",
            saving(
                post("experiments/create", {"name": "{name} place", "artifact_location": location}),
                placed="experiment_id",
            ),
            get("experiments/get-by-name", experiment_name="{name} place"),
        )
        for location in ("s3://bucket/folder", "mlflow-artifacts:/other/place", "gs://b")
    ),
    *(
        Case(
            f"the refused location {location}",
            post("experiments/create", {"name": "{name} x", "artifact_location": location}),
        )
        for location in (
            "s3://bucket/a#fragment",
            "ftp://host/a;params",
            "s3://bucket/a?q=../b",
            "runs:/abc/x",
            "s3://bucket/" + "x" * 2048,
        )
    ),
    Case(
        "rename",
        post("experiments/update", {**BY_ID, "new_name": "{name} new"}),
        GET,
        get("experiments/get-by-name", experiment_name="{name} new"),
    ),
    Case("rename to the same", post("experiments/update", {**BY_ID, "new_name": "{name}"}), GET),
    Case("rename without a name", post("experiments/update", BY_ID)),
    Case("rename to an empty name", post("experiments/update", {**BY_ID, "new_name": ""})),
    Case(
        "rename to a name that is taken",
        post("experiments/update", {**BY_ID, "new_name": "Default"}),
    ),
    Case("rename to a number", post("experiments/update", {**BY_ID, "new_name": 5})),
    Case("rename to a long name", post("experiments/update", {**BY_ID, "new_name": "x" * 501})),
    Case("rename none", post("experiments/update", {"experiment_id": "987654", "new_name": "x"})),
    Case(
        "delete and restore",
        post("experiments/delete", BY_ID),
        GET,
        get("runs/get", run_id="{run}"),
        get("experiments/get-by-name", experiment_name="{name}"),
        post("experiments/create", {"name": "{name}"}),
        post("experiments/delete", BY_ID),
        post("experiments/set-experiment-tag", {**BY_ID, "key": "a", "value": "1"}),
        post("experiments/delete-experiment-tag", {**BY_ID, "key": "a"}),
        post("runs/create", BY_ID),
        differs(
            post("experiments/update", {**BY_ID, "new_name": "{name} x"}),
            "clients repeat a 500 in vain",
            400,
            "INVALID_STATE",
        ),
        post("experiments/restore", BY_ID),
        GET,
        get("runs/get", run_id="{run}"),
        post("experiments/restore", BY_ID),
    ),
    *(
        Case(f"{verb} no such experiment", post(f"experiments/{verb}", {"experiment_id": "987654"}))
        for verb in ("delete", "restore")
    ),
    *(
        Case(f"{verb} without an id", post(f"experiments/{verb}", {}))
        for verb in ("delete", "restore")
    ),
    *(
        Case(
            f"{verb} an id that is no integer", post(f"experiments/{verb}", {"experiment_id": "x"})
        )
        for verb in ("delete", "restore")
    ),
    Case(
        "tags",
        post("experiments/set-experiment-tag", {**BY_ID, "key": "a", "value": "1"}),
        post("experiments/set-experiment-tag", {**BY_ID, "key": "b", "value": ""}),
        post("experiments/set-experiment-tag", {**BY_ID, "key": "a", "value": "2"}),
        GET,
        post("experiments/delete-experiment-tag", {**BY_ID, "key": "a"}),
        GET,
        post("experiments/delete-experiment-tag", {**BY_ID, "key": "a"}),
    ),
    Case("a tag without a key", post("experiments/set-experiment-tag", {**BY_ID, "value": "1"})),
    Case(
        "a tag without a value",
        post("experiments/set-experiment-tag", {**BY_ID, "key": "k"}),
        GET,
    ),
    Case(
        "a tag's key that is a number",
        post("experiments/set-experiment-tag", {**BY_ID, "key": 1, "value": "1"}),
    ),
    Case(
        "a tag's value that is a number",
        post("experiments/set-experiment-tag", {**BY_ID, "key": "k", "value": 1}),
    ),
    Case(
        "a tag of no experiment",
        post(
            "experiments/set-experiment-tag", {"experiment_id": "987654", "key": "k", "value": "v"}
        ),
    ),
    *(
        Case(
            f"the tag key {key[:12]!r} of {len(key)}",
            post("experiments/set-experiment-tag", {**BY_ID, "key": key, "value": "v"}),
        )
        for key in ("a//b", "../a", "/a", ".", "a/", "a@b", "k" * 250, "k" * 251, "ключ", "a:b")
    ),
    Case(
        "a tag of 20000 characters",
        post("experiments/set-experiment-tag", {**BY_ID, "key": "k", "value": "v" * 20000}),
        GET,
    ),
    Case(
        "a tag that is too long",
        post("experiments/set-experiment-tag", {**BY_ID, "key": "k", "value": "v" * 20001}),
    ),
    Case("search finds by tag", *tagged("a", "b"), find()),
    Case("search by GET", *tagged("a"), get("experiments/search", max_results=5, filter=MINE)),
    Case(
        "search in pages",
        *tagged("a", "b", "c"),
        saving(find(max_results=2), next="next_page_token"),
        find(max_results=2, page_token="{next}"),
    ),
    Case("search needs max_results", post("experiments/search", {})),
    *(
        Case(
            f"search with max_results {count!r}", post("experiments/search", {"max_results": count})
        )
        for count in (0, -1, 50_001, "x")
    ),
    Case("search as texts", get("experiments/search", max_results="x")),
    *(
        Case(f"search ordered by {order}", *tagged("a", "b", "c"), find(order_by=[order]))
        for order in (
            "name",
            "name DESC",
            "experiment_id",
            "creation_time",
            "last_update_time DESC",
        )
    ),
    *(
        Case(f"search ordered by {order!r}", find(order_by=[order]))
        for order in ("tags.a", "nothing", "name sideways", "")
    ),
    Case(
        "search ordered by a number",
        differs(
            find(order_by=[1]),
            "a value that does not fit is refused, where MLflow passes over it",
            400,
        ),
    ),
    *(
        Case(
            f"search among {view}",
            *tagged("a", "b"),
            post("experiments/delete", {"experiment_id": "{a}"}),
            find(view_type=view, order_by=["name"]),
        )
        for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 1, 2, 3)
    ),
    Case(
        "search among what is unknown",
        differs(find(view_type="SOME"), "an unknown view is refused, not passed over", 400),
    ),
    *(
        Case(
            f"search for {filter_}",
            *tagged("a", "b"),
            find(filter=f"{MINE} AND {filter_}", order_by=["name"]),
        )
        for filter_ in (
            "name LIKE '%a'",
            "name ILIKE '%B'",
            "name != 'x'",
            "attribute.name = '{name} a'",
            "tags.none IS NULL",
            "tags.of IS NOT NULL",
            "creation_time > 5",
            "tags.other = 'x'",
        )
    ),
    *(
        Case(f"search for the refused {filter_}", find(filter=filter_))
        for filter_ in (
            "name",
            "name > 'a'",
            "creation_time = 'x'",
            "params.a = 'b'",
            "name = 'a' OR name = 'b'",
            "(name = 'a')",
        )
    ),
    Case("search from a broken token", find(page_token="zzz")),
]
