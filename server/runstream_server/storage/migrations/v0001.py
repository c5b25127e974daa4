"""The first schema."""

from typing import Final

import sqlalchemy as sa
from alembic.operations import Operations

__all__ = ["VERSION", "upgrade"]

VERSION: Final = "0001"

_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SERIAL: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    """Makes all tables."""
    op.create_table(
        "server_facts",
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
    )
    op.create_table(
        "experiments",
        sa.Column("experiment_id", _SERIAL, primary_key=True, autoincrement=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("artifact_location", _TEXT, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("update_time_us", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment_id", _SERIAL, primary_key=True),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("experiment_id", _SERIAL, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("start_time_us", sa.BigInteger, nullable=False),
        sa.Column("end_time_us", sa.BigInteger),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("update_time_us", sa.BigInteger, nullable=False),
        sa.Column("user_id", _TEXT, nullable=False),
        sa.Column("artifact_uri", _TEXT, nullable=False),
    )
    op.create_index(
        "runs_by_start", "runs", ["experiment_id", sa.text("start_time_us DESC"), "run_id"]
    )
    op.create_index("runs_of_all_by_start", "runs", [sa.text("start_time_us DESC"), "run_id"])
    op.create_table(
        "params",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
    )
    op.create_index(
        "params_by_value", "params", ["key", sa.text("substr(value, 1, 250)"), "run_id"]
    )
    op.create_table(
        "tags",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
    )
    op.create_index("tags_by_value", "tags", ["key", sa.text("substr(value, 1, 250)"), "run_id"])
    _make_inputs(op)
    _make_logged_models(op)
    op.create_table(
        "log_heads",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("next_position", sa.BigInteger, nullable=False),
        sa.Column("sealed_position", sa.BigInteger, nullable=False),
        sa.Column("trimmed_position", sa.BigInteger, nullable=False),
        sa.Column("next_series_id", sa.BigInteger, nullable=False),
        sa.Column("next_layout_id", sa.BigInteger, nullable=False),
        sa.Column("next_block_id", sa.BigInteger, nullable=False),
        sa.Column("next_writer", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "writers",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("writer_id", _TEXT, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("rank", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("next_row", sa.BigInteger, nullable=False),
        sa.Column("next_record", sa.BigInteger, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("status_message", _TEXT, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "skips",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("writer_id", _TEXT, primary_key=True),
        sa.Column("first_row", sa.BigInteger, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "series",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("series_id", sa.BigInteger, primary_key=True),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("rank", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.BigInteger, nullable=False),
        sa.Column("extremes", sa.LargeBinary),
        sa.Column("last_value", sa.Float(53)),
        sa.Column("last_is_nan", sa.Boolean),
        sa.Column("min_value", sa.Float(53)),
        sa.Column("max_value", sa.Float(53)),
        sa.UniqueConstraint("run_id", "key", "rank", "attempt", name="series_by_name"),
    )
    op.create_table(
        "layouts",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("layout_id", sa.BigInteger, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("series_ids", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("run_id", "digest", name="layouts_by_digest"),
    )
    op.create_table(
        "log_batches",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("writer_id", _TEXT, nullable=False),
        sa.Column("first_row", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("commit_time_us", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "blocks",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("block_id", sa.BigInteger, primary_key=True),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("state_time_us", sa.BigInteger, nullable=False),
        sa.Column("tier", sa.SmallInteger, nullable=False),
        sa.Column("first_position", sa.BigInteger, nullable=False),
        sa.Column("end_position", sa.BigInteger, nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("directory", sa.LargeBinary, nullable=False),
    )
    op.create_index("blocks_by_state", "blocks", ["state", "state_time_us"])
    op.create_table(
        "block_parts",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("block_id", sa.BigInteger, primary_key=True),
        sa.Column("part", sa.BigInteger, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "uploads",
        sa.Column("upload_id", _TEXT, primary_key=True),
        sa.Column("owner_id", _TEXT, nullable=False),
        sa.Column("path", _TEXT, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("modify_time_us", sa.BigInteger, nullable=False),
        sa.Column("complete_time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "digests",
        sa.Column("owner_id", _TEXT, primary_key=True),
        sa.Column("path", _TEXT, primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("modify_time_us", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.SmallInteger, nullable=False),
    )


def _make_inputs(op: Operations) -> None:
    op.create_table(
        "datasets",
        sa.Column("experiment_id", _SERIAL, primary_key=True),
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("digest", _TEXT, primary_key=True),
        sa.Column("source_type", _TEXT, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("schema", _TEXT),
        sa.Column("profile", _TEXT),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "dataset_inputs",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("digest", _TEXT, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("experiment_id", _SERIAL, nullable=False),
        sa.Column("context", _TEXT),
    )
    op.create_index(
        "dataset_inputs_by_experiment",
        "dataset_inputs",
        ["experiment_id", "name", "digest", "context"],
    )
    op.create_table(
        "dataset_input_tags",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("digest", _TEXT, primary_key=True),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
    )
    op.create_table(
        "run_models",
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("role", sa.SmallInteger, primary_key=True),
        sa.Column("model_id", _TEXT, primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
    )


def _make_logged_models(op: Operations) -> None:
    op.create_table(
        "logged_models",
        sa.Column("model_id", _TEXT, primary_key=True),
        sa.Column("experiment_id", _SERIAL, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("artifact_uri", _TEXT, nullable=False),
        sa.Column("model_type", _TEXT, nullable=False),
        sa.Column("source_run_id", _TEXT, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("status_message", _TEXT, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("create_time_us", sa.BigInteger, nullable=False),
        sa.Column("update_time_us", sa.BigInteger, nullable=False),
    )
    op.create_index(
        "logged_models_by_creation",
        "logged_models",
        ["experiment_id", sa.text("create_time_us DESC"), "model_id"],
    )
    for name in ("logged_model_params", "logged_model_tags"):
        op.create_table(
            name,
            sa.Column("model_id", _TEXT, primary_key=True),
            sa.Column("key", _TEXT, primary_key=True),
            sa.Column("value", _TEXT, nullable=False),
        )
    op.create_table(
        "logged_model_metrics",
        sa.Column("model_id", _TEXT, primary_key=True),
        sa.Column("key", _TEXT, primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True),
        sa.Column("time_us", sa.BigInteger, primary_key=True),
        sa.Column("run_id", _TEXT, primary_key=True),
        sa.Column("dataset_name", _TEXT, primary_key=True),
        sa.Column("dataset_digest", _TEXT, primary_key=True),
        sa.Column("bits", sa.BigInteger, primary_key=True),
        sa.Column("value", sa.Float(53)),
    )
    op.create_index("logged_model_metrics_by_run", "logged_model_metrics", ["run_id"])
