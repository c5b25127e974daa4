"""Tags whose meaning MLflow or runstream has fixed, and which the server itself looks at."""

from typing import Final

__all__ = [
    "DATASET_CONTEXT",
    "GIT_BRANCH",
    "GIT_COMMIT",
    "GIT_DIRTY",
    "GIT_REPO_URL",
    "HOST",
    "PARENT_RUN_ID",
    "RUN_NAME",
    "SHOWN_IN_FIELDS",
    "SOURCE_NAME",
    "SOURCE_TYPE",
    "USER",
]

RUN_NAME: Final = "mlflow.runName"
USER: Final = "mlflow.user"
PARENT_RUN_ID: Final = "mlflow.parentRunId"
SOURCE_NAME: Final = "mlflow.source.name"
SOURCE_TYPE: Final = "mlflow.source.type"
GIT_COMMIT: Final = "mlflow.source.git.commit"
GIT_BRANCH: Final = "mlflow.source.git.branch"
GIT_REPO_URL: Final = "mlflow.source.git.repoURL"
GIT_DIRTY: Final = "runstream.source.git.dirty"
HOST: Final = "runstream.host"
SHOWN_IN_FIELDS: Final = frozenset(
    {PARENT_RUN_ID, SOURCE_NAME, SOURCE_TYPE, GIT_COMMIT, GIT_BRANCH, GIT_REPO_URL, GIT_DIRTY, HOST}
)
"""What fields of a run are made of when it is read."""

DATASET_CONTEXT: Final = "mlflow.data.context"
"""A tag of a dataset input: what the run read the dataset for."""
