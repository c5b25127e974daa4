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
DATASET_CONTEXT: Final = "mlflow.data.context"
"""A tag of a dataset input: what the run read the dataset for."""
