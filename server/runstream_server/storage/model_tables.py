"""The tables of logged models; see storage.schema for what holds of all tables."""

import sqlalchemy as sa

from runstream_server.storage.schema_base import Integer, Text, metadata

__all__ = [
    "logged_model_metrics",
    "logged_model_params",
    "logged_model_tags",
    "logged_models",
]

logged_models = sa.Table(
    "logged_models",
    metadata,
    sa.Column("model_id", Text, primary_key=True),
    sa.Column("experiment_id", Integer, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("artifact_uri", Text, nullable=False),
    sa.Column("model_type", Text, nullable=False),
    sa.Column("source_run_id", Text, nullable=False, doc="Empty for none."),
    sa.Column("status", sa.SmallInteger, nullable=False, doc="Of the enum LoggedModelStatus."),
    sa.Column("status_message", Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("create_time_us", sa.BigInteger, nullable=False),
    sa.Column("update_time_us", sa.BigInteger, nullable=False),
)

sa.Index(
    "logged_models_by_creation",
    logged_models.c.experiment_id,
    logged_models.c.create_time_us.desc(),
    logged_models.c.model_id,
)

logged_model_params = sa.Table(
    "logged_model_params",
    metadata,
    sa.Column("model_id", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

logged_model_tags = sa.Table(
    "logged_model_tags",
    metadata,
    sa.Column("model_id", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)

logged_model_metrics = sa.Table(
    "logged_model_metrics",
    metadata,
    sa.Column("model_id", Text, primary_key=True),
    sa.Column("key", Text, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("time_us", sa.BigInteger, primary_key=True),
    sa.Column("run_id", Text, primary_key=True),
    sa.Column("dataset_name", Text, primary_key=True, doc="Empty for none."),
    sa.Column("dataset_digest", Text, primary_key=True, doc="Empty for none."),
    sa.Column(
        "bits",
        sa.BigInteger,
        primary_key=True,
        doc="The value's 64 bits, as a signed integer.",
    ),
    sa.Column("value", sa.Float(53), doc="NULL when it is NaN."),
    sa.Index("logged_model_metrics_by_run", "run_id"),
)
