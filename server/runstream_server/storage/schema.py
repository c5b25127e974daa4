"""The database schema, the same for SQLite and PostgreSQL.

Every table that belongs to a run begins its key with the run id, so that all of them can be
distributed by run. Times are integer microseconds since the epoch. Texts compare by code point on
both engines. Values that must come back bit for bit live in binary columns; a float column beside
one is there for SQL to compare (SQLite turns NaN into NULL and loses the sign of -0.0).
"""

import sqlalchemy as sa

from runstream_server.storage.model_tables import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from runstream_server.storage.schema_base import Integer, Text, metadata

__all__ = [
    "INDEXED_VALUE_CHARS",
    "block_parts",
    "blocks",
    "dataset_input_tags",
    "dataset_inputs",
    "datasets",
    "digests",
    "experiment_keys",
    "experiment_tags",
    "experiments",
    "layouts",
    "log_batches",
    "log_heads",
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "logged_models",
    "metadata",
    "params",
    "run_models",
    "runs",
    "series",
    "server_facts",
    "skips",
    "tags",
    "uploads",
    "value_prefix",
    "writers",
]

SCHEMA_VERSION = "0002"
"""The version that this program writes; the name of the newest migration."""

INDEXED_VALUE_CHARS = 250
"""Indexes hold this many characters of a value; PostgreSQL refuses index rows over 2.7 KB."""


def value_prefix(value: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """Returns what an index on values holds of one; an index serves just this very expression."""
    length: sa.ColumnElement[int] = sa.literal_column(str(INDEXED_VALUE_CHARS))
    return sa.func.substr(value, sa.literal_column("1"), length, type_=Text)


server_facts = sa.Table(
    "server_facts",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("experiment_id", Integer, primary_key=True, autoincrement=True),
    sa.Column("name", Text, nullable=False, unique=True),
    sa.Column("artifact_location", Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("create_time_us", sa.BigInteger, nullable=False),
    sa.Column("update_time_us", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

experiment_tags = sa.Table(
    "experiment_tags",
    metadata,
    sa.Column("experiment_id", Integer, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

experiment_keys = sa.Table(
    "experiment_keys",
    metadata,
    sa.Column("experiment_id", Integer, primary_key=True),
    sa.Column("kind", sa.SmallInteger, primary_key=True, doc="See storage.key_rows.KeyKind."),
    sa.Column("key", Text, primary_key=True, doc="Of a param, tag or metric of any of its runs."),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("experiment_id", Integer, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False, doc="A number of the enum RunStatus."),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("start_time_us", sa.BigInteger, nullable=False),
    sa.Column("end_time_us", sa.BigInteger),
    sa.Column("create_time_us", sa.BigInteger, nullable=False),
    sa.Column("update_time_us", sa.BigInteger, nullable=False),
    sa.Column("user_id", Text, nullable=False),
    sa.Column("artifact_uri", Text, nullable=False),
)

sa.Index("runs_by_start", runs.c.experiment_id, runs.c.start_time_us.desc(), runs.c.run_id)
sa.Index("runs_of_all_by_start", runs.c.start_time_us.desc(), runs.c.run_id)

params = sa.Table(
    "params",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

tags = sa.Table(
    "tags",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

sa.Index("params_by_value", params.c.key, value_prefix(params.c.value), params.c.run_id)
sa.Index("tags_by_value", tags.c.key, value_prefix(tags.c.value), tags.c.run_id)

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("experiment_id", Integer, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("digest", Text, primary_key=True),
    sa.Column("source_type", Text, nullable=False),
    sa.Column("source", Text, nullable=False),
    sa.Column("schema", Text),
    sa.Column("profile", Text),
    sa.Column("create_time_us", sa.BigInteger, nullable=False),
)

dataset_inputs = sa.Table(
    "dataset_inputs",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("digest", Text, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, doc="Counts the run's dataset inputs."),
    sa.Column("experiment_id", Integer, nullable=False, doc="The run's, for searches."),
    sa.Column("context", Text, doc="The same text as the tag `mlflow.data.context`."),
    sa.Index("dataset_inputs_by_experiment", "experiment_id", "name", "digest", "context"),
)

dataset_input_tags = sa.Table(
    "dataset_input_tags",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("name", Text, primary_key=True),
    sa.Column("digest", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

run_models = sa.Table(
    "run_models",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("role", sa.SmallInteger, primary_key=True, doc="See storage.input_rows.ModelRole."),
    sa.Column("model_id", Text, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True, doc="0 for inputs."),
    sa.Column("number", sa.BigInteger, nullable=False, doc="Counts the run's models of a role."),
)

log_heads = sa.Table(
    "log_heads",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column(
        "active",
        sa.Boolean,
        nullable=False,
        doc="False while the run is deleted: it then takes no points.",
    ),
    sa.Column(
        "next_position",
        sa.BigInteger,
        nullable=False,
        doc="The position that the next batch gets.",
    ),
    sa.Column(
        "sealed_position",
        sa.BigInteger,
        nullable=False,
        doc="Batches below it are in blocks.",
    ),
    sa.Column(
        "trimmed_position",
        sa.BigInteger,
        nullable=False,
        doc="Batches below it are gone from the log.",
    ),
    sa.Column("next_series_id", sa.BigInteger, nullable=False),
    sa.Column("next_layout_id", sa.BigInteger, nullable=False),
    sa.Column("next_block_id", sa.BigInteger, nullable=False),
    sa.Column(
        "next_writer",
        sa.BigInteger,
        nullable=False,
        doc="The number that the run's next writer gets.",
    ),
    sa.Column(
        "last_commit_time_us",
        sa.BigInteger,
        doc="When the newest batch was committed; NULL when there was none.",
    ),
)

writers = sa.Table(
    "writers",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("writer_id", Text, primary_key=True),
    sa.Column(
        "number",
        sa.BigInteger,
        nullable=False,
        doc="Counts the run's writers in the order of their arrival.",
    ),
    sa.Column("rank", sa.BigInteger, nullable=False, doc="-1 for none."),
    sa.Column("attempt", sa.BigInteger, nullable=False),
    sa.Column("next_row", sa.BigInteger, nullable=False),
    sa.Column("next_record", sa.BigInteger, nullable=False),
    sa.Column("status", sa.SmallInteger, nullable=False),
    sa.Column("status_message", Text, nullable=False),
    sa.Column(
        "settled",
        sa.Boolean,
        nullable=False,
        doc="True once the run was resumed after this writer ended: its failure counts no longer.",
    ),
    sa.Column("create_time_us", sa.BigInteger, nullable=False),
)

skips = sa.Table(
    "skips",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("writer_id", Text, primary_key=True),
    sa.Column("first_row", sa.BigInteger, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("reason", Text, nullable=False),
    sa.Column("create_time_us", sa.BigInteger, nullable=False),
)

series = sa.Table(
    "series",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("series_id", sa.BigInteger, primary_key=True),
    sa.Column("key", Text, nullable=False),
    sa.Column("rank", sa.BigInteger, nullable=False, doc="-1 for none."),
    sa.Column("attempt", sa.BigInteger, nullable=False),
    sa.Column(
        "extremes",
        sa.LargeBinary,
        doc="First, last, min and max of what is sealed, or later; see core.extremes.",
    ),
    sa.Column(
        "last_value",
        sa.Float(53),
        doc="The latest value; NULL when it is NaN or there is none.",
    ),
    sa.Column("last_is_nan", sa.Boolean),
    sa.Column("min_value", sa.Float(53)),
    sa.Column("max_value", sa.Float(53)),
    sa.UniqueConstraint("run_id", "key", "rank", "attempt", name="series_by_name"),
)

layouts = sa.Table(
    "layouts",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("layout_id", sa.BigInteger, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column(
        "series_ids",
        sa.LargeBinary,
        nullable=False,
        doc="Little-endian 32-bit series ids.",
    ),
    sa.UniqueConstraint("run_id", "digest", name="layouts_by_digest"),
)

log_batches = sa.Table(
    "log_batches",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("writer_id", Text, nullable=False),
    sa.Column("first_row", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("points", sa.BigInteger, nullable=False),
    sa.Column("commit_time_us", sa.BigInteger, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

blocks = sa.Table(
    "blocks",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("block_id", sa.BigInteger, primary_key=True),
    sa.Column("state", sa.SmallInteger, nullable=False, doc="See storage.blocks.BlockState."),
    sa.Column("state_time_us", sa.BigInteger, nullable=False),
    sa.Column("tier", sa.SmallInteger, nullable=False),
    sa.Column("first_position", sa.BigInteger, nullable=False),
    sa.Column(
        "end_position",
        sa.BigInteger,
        nullable=False,
        doc="Holds the batches below it, from first_position on.",
    ),
    sa.Column("points", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("directory", sa.LargeBinary, nullable=False),
    sa.Index("blocks_by_state", "state", "state_time_us"),
)

block_parts = sa.Table(
    "block_parts",
    metadata,
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("block_id", sa.BigInteger, primary_key=True),
    sa.Column("part", sa.BigInteger, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column(
        "upload_id",
        Text,
        primary_key=True,
        doc="Of an upload that is complete; what is under way only the object store knows.",
    ),
    sa.Column("owner_id", Text, nullable=False, doc="Of a run or a logged model."),
    sa.Column("path", Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("modify_time_us", sa.BigInteger, nullable=False),
    sa.Column("complete_time_us", sa.BigInteger, nullable=False),
)

digests = sa.Table(
    "digests",
    metadata,
    sa.Column("owner_id", Text, primary_key=True, doc="Of a run or a logged model."),
    sa.Column("path", Text, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("modify_time_us", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column(
        "state",
        sa.SmallInteger,
        nullable=False,
        doc="A number of the enum DigestState.",
    ),
)
