"""What both dialects take, and what only one of them does; read by their canonical text."""

import pytest

from runstream_server.core.filters import Dialect, Target, parse_filter

# filter, canonical text
RUNS_IN_BOTH = [
    ("metrics.a > 1", "metrics.a > 1.0"),
    ("metric.a>1", "metrics.a > 1.0"),
    ("metrics.a >= -1e-3", "metrics.a >= -0.001"),
    ("metrics.a <= .5", "metrics.a <= 0.5"),
    ("metrics.a < 5.", "metrics.a < 5.0"),
    ("metrics.a = 1E5", "metrics.a = 100000.0"),
    ("metrics.a = 1e+16", "metrics.a = 1e+16"),
    ("metrics.a<-.5", "metrics.a < -0.5"),
    ("metrics.a != 00012", "metrics.a != 12.0"),
    ("metrics.a < 1e999", "metrics.a < inf"),
    ("metrics.a = 99999999999999999999999999", "metrics.a = 1e+26"),
    ("metrics.A = 1", "metrics.A = 1.0"),
    ("metrics.a.b.c > 1", "metrics.a.b.c > 1.0"),
    ("metrics.1a > 1", "metrics.`1a` > 1.0"),
    ("metrics._a > 1", "metrics._a > 1.0"),
    ("metrics.é > 1", "metrics.`é` > 1.0"),
    ("metrics.损失 > 1", "metrics.`损失` > 1.0"),
    ("metrics.and > 1", "metrics.and > 1.0"),
    ("metrics.like > 1", "metrics.like > 1.0"),
    ("metrics.order > 1", "metrics.order > 1.0"),
    ("metrics.`in` > 1", "metrics.in > 1.0"),
    ("metrics.`a b` > 1", "metrics.`a b` > 1.0"),
    ('metrics."a b" > 1', "metrics.`a b` > 1.0"),
    ("metrics.'a b' > 1", "metrics.`a b` > 1.0"),
    ('metrics."a`b" > 1', "metrics.`a``b` > 1.0"),
    ("metrics.`train/loss@5` > 1", "metrics.`train/loss@5` > 1.0"),
    ("`metrics`.a > 1", "metrics.a > 1.0"),
    ("\xa0metrics.a\n>\t1 ", "metrics.a > 1.0"),
    ("param.a = '1'", "params.a = '1'"),
    ("parameter.a = '1'", "params.a = '1'"),
    ("parameters.a='1'", "params.a = '1'"),
    ('params.a = "x"', "params.a = 'x'"),
    ("params.a = ''", "params.a = ''"),
    ("params.a = \"it's\"", "params.a = 'it''s'"),
    ("params.a = 'x;y -- AND z /* */'", "params.a = 'x;y -- AND z /* */'"),
    ("params.a = 'x\ny'", "params.a = 'x\ny'"),
    ("params.a = '  x '", "params.a = '  x '"),
    ("params.a != 'x'", "params.a != 'x'"),
    ("params.a LIKE'x%'", "params.a LIKE 'x%'"),
    ("params.a iLike '_x'", "params.a ILIKE '_x'"),
    ("params.a is\nnull", "params.a IS NULL"),
    ("params.a Is Not  Null", "params.a IS NOT NULL"),
    ("tag.a = 'x'", "tags.a = 'x'"),
    ("tags.mlflow.parentRunId = 'x'", "tags.mlflow.parentRunId = 'x'"),
    ("tags.`mlflow.parentRunId` = 'x'", "tags.mlflow.parentRunId = 'x'"),
    ("tags.a IS NULL", "tags.a IS NULL"),
    ("run_id = 'a'", "run_id = 'a'"),
    ("attributes.run_id = 'a'", "run_id = 'a'"),
    ("attribute.run_id = 'a'", "run_id = 'a'"),
    ("attr.run_id = 'a'", "run_id = 'a'"),
    ("run.run_id = 'a'", "run_id = 'a'"),
    ('attributes."run_name" = \'a\'', "run_name = 'a'"),
    ("run_id IN ('a')", "run_id IN ('a')"),
    ("run_id in('a' , \"b\",)", "run_id IN ('a', 'b')"),
    ("run_id not  in ('a')", "run_id NOT IN ('a')"),
    ("`run name` = 'x'", "run_name = 'x'"),
    ("attributes.\"Run name\" LIKE 'x'", "run_name LIKE 'x'"),
    ("`Run Name` = 'x'", "run_name = 'x'"),
    ("status != 'FAILED'", "status != 'FAILED'"),
    ("status = 'no such'", "status = 'no such'"),
    ("user_id ILIKE 'x'", "user_id ILIKE 'x'"),
    ("artifact_uri LIKE 's3:%'", "artifact_uri LIKE 's3:%'"),
    ("start_time > 1664067852747", "start_time > 1664067852747"),
    ("start_time > 1.5", "start_time > 1.5"),
    ("Created != -1", "start_time != -1"),
    ("attributes.created <= 1", "start_time <= 1"),
    ("end_time < 99999999999999999999", "end_time < 1e+20"),
    ("dataset.name = 'x'", "datasets.name = 'x'"),
    ("datasets.`digest` ILIKE 'x'", "datasets.digest ILIKE 'x'"),
    ("datasets.context IN ('a', 'b')", "datasets.context IN ('a', 'b')"),
    ("datasets.context NOT IN ('a')", "datasets.context NOT IN ('a')"),
    ("metrics.a>1 and params.b='x'And tags.c='y'",
     "metrics.a > 1.0 AND params.b = 'x' AND tags.c = 'y'"),
    ("metrics.a > 0 AND metrics.a < 6", "metrics.a > 0.0 AND metrics.a < 6.0"),
]  # fmt: skip

EXPERIMENTS_IN_BOTH = [
    ("name = 'x'", "name = 'x'"),
    ("attribute.name ILIKE 'x%'", "name ILIKE 'x%'"),
    ("creation_time > 1", "creation_time > 1"),
    ("last_update_time != -1", "last_update_time != -1"),
    ("experiment_id = '1'", "experiment_id = '1'"),
    ("experiment_id != '-1'", "experiment_id != '-1'"),
    ("experiment_id IN ('1','2')", "experiment_id IN ('1', '2')"),
    ("experiment_id not in ('1')", "experiment_id NOT IN ('1')"),
    ("tags.a.b = 'x' AND tag.c LIKE 'y'", "tags.a.b = 'x' AND tags.c LIKE 'y'"),
    ("tags.a ilike 'x'", "tags.a ILIKE 'x'"),
    ("tags.a IS NOT NULL", "tags.a IS NOT NULL"),
]

RUNS_IN_FULL = [
    ("metrics.a > 1 OR metrics.b > 2", "metrics.a > 1.0 OR metrics.b > 2.0"),
    ("not metrics.a > 1", "NOT metrics.a > 1.0"),
    ("(metrics.a > 1)", "metrics.a > 1.0"),
    ("metrics.train/loss > 1", "metrics.`train/loss` > 1.0"),
    ("metrics.a-1>-1", "metrics.`a-1` > -1.0"),
    ("metrics.acc@5:x > 1", "metrics.`acc@5:x` > 1.0"),
    ("metrics.1.5 > 1", "metrics.`1.5` > 1.0"),
    ("tags.in = 'x'", "tags.in = 'x'"),
    ("metrics.a = +1", "metrics.a = 1.0"),
    ("metrics.a < Infinity", "metrics.a < inf"),
    ("metrics.a = -INF", "metrics.a = -inf"),
    ("metrics.a IS NULL", "metrics.a IS NULL"),
    ("end_time IS NULL", "end_time IS NULL"),
    ("datasets.name IS NOT NULL", "datasets.name IS NOT NULL"),
    ("params.a = 'it''s'", "params.a = 'it''s'"),
    ('params.a = "x""y"', "params.a = 'x\"y'"),
    ("params.a = 'C:\\' AND params.b = 'x'", "params.a = 'C:\\' AND params.b = 'x'"),
    ("params.`a``b` = 'x'", "params.`a``b` = 'x'"),
    ("params.a NOT LIKE 'x'", "params.a NOT LIKE 'x'"),
    ("params.a not ilike 'x'", "params.a NOT ILIKE 'x'"),
    ("params.a IN ('x')", "params.a IN ('x')"),
    ("tags.a NOT IN ('x', 'y')", "tags.a NOT IN ('x', 'y')"),
    ("status IN ('FAILED', 'KILLED')", "status IN ('FAILED', 'KILLED')"),
    ("experiment_id IN ('1')", "experiment_id IN ('1')"),
    ("parent_run_id IS NOT NULL", "parent_run_id IS NOT NULL"),
    ("create_time >= 5", "create_time >= 5"),
]

EXPERIMENTS_IN_FULL = [
    ("attributes.name = 'x'", "name = 'x'"),
    ("experiment.name IN ('x')", "name IN ('x')"),
    ("create_time > 1.5", "creation_time > 1.5"),
    ("update_time > 1", "last_update_time > 1"),
    ("tags.a IN ('x') OR NOT name LIKE 'x'", "tags.a IN ('x') OR NOT name LIKE 'x'"),
]

# What MLflow takes although it is malformed, or understands in its own way.
RUNS_IN_MLFLOW = [
    ("metrics.a > 1 AND", "metrics.a > 1.0"),
    ("AND metrics.a > 1", "metrics.a > 1.0"),
    ("metrics.a > 1 AND and params.b = 'x'", "metrics.a > 1.0 AND params.b = 'x'"),
    ("metrics.a > 1 metrics.b > 2", "metrics.a > 1.0 AND metrics.b > 2.0"),
    ("params.a IS NULL params.b = 'x'", "params.a IS NULL AND params.b = 'x'"),
    ("params.a = 'it''s'", "params.a = 'it''''s'"),
    ('params.a = "x""y"', "params.a = 'x\"\"y'"),
    ("params.a = 'it\\'s'", "params.a = 'it\\''s'"),
    ("params.a = 'C:\\'", "params.a = 'C:\\'"),
    ("params.`a``b` = 'x'", "params.`a````b` = 'x'"),
]


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("text", "canonical"), RUNS_IN_BOTH)
def test_both_dialects_read_a_filter_of_runs(text: str, canonical: str, dialect: Dialect) -> None:
    assert str(parse_filter(text, Target.RUNS, dialect)) == canonical


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("text", "canonical"), EXPERIMENTS_IN_BOTH)
def test_both_dialects_read_a_filter_of_experiments(
    text: str, canonical: str, dialect: Dialect
) -> None:
    assert str(parse_filter(text, Target.EXPERIMENTS, dialect)) == canonical


@pytest.mark.parametrize(("text", "canonical"), RUNS_IN_FULL)
def test_the_full_dialect_reads_more_about_runs(text: str, canonical: str) -> None:
    assert str(parse_filter(text, Target.RUNS, Dialect.FULL)) == canonical


@pytest.mark.parametrize(("text", "canonical"), EXPERIMENTS_IN_FULL)
def test_the_full_dialect_reads_more_about_experiments(text: str, canonical: str) -> None:
    assert str(parse_filter(text, Target.EXPERIMENTS, Dialect.FULL)) == canonical


@pytest.mark.parametrize(("text", "canonical"), RUNS_IN_MLFLOW)
def test_mlflow_s_liberties_are_kept_in_its_dialect(text: str, canonical: str) -> None:
    assert str(parse_filter(text, Target.RUNS, Dialect.MLFLOW)) == canonical


@pytest.mark.parametrize("target", Target)
def test_no_filter_matches_everything(target: Target) -> None:
    assert parse_filter("", target, Dialect.FULL) is None
    assert parse_filter("", target, Dialect.MLFLOW) is None
    assert parse_filter(" \n", target, Dialect.FULL) is None
    assert parse_filter("AND and", target, Dialect.MLFLOW) is None
