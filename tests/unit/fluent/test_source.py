import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runstream._fluent.source import git_tags, source_tags

IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


@pytest.fixture
def work_tree(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=topic")
    (folder / "train.py").write_text("print()")
    git(folder, "add", "train.py")
    git(folder, "commit", "--quiet", "--message=first")
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=os.environ | IDENTITY,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_says_what_code_ran(work_tree: Path) -> None:
    git(work_tree, "remote", "add", "origin", "git@example.org:team/work.git")

    tags = git_tags(work_tree, budget_s=30)

    assert tags == {
        "mlflow.source.git.commit": git(work_tree, "rev-parse", "HEAD"),
        "mlflow.source.git.branch": "topic",
        "mlflow.source.git.repoURL": "git@example.org:team/work.git",
        "runstream.source.git.dirty": "false",
    }


def test_changes_in_no_commit_make_the_work_tree_dirty_and_new_files_do_not(
    work_tree: Path,
) -> None:
    (work_tree / "notes.txt").write_text("mine")
    assert git_tags(work_tree, budget_s=30)["runstream.source.git.dirty"] == "false"

    (work_tree / "train.py").write_text("print(1)")
    assert git_tags(work_tree, budget_s=30)["runstream.source.git.dirty"] == "true"


@pytest.mark.parametrize("user", ["token", "user:token"])
def test_credentials_in_the_repository_s_address_are_left_out(work_tree: Path, user: str) -> None:
    git(work_tree, "remote", "add", "origin", f"https://{user}@example.org:8443/work.git")

    tags = git_tags(work_tree, budget_s=30)

    assert tags["mlflow.source.git.repoURL"] == "https://example.org:8443/work.git"


def test_a_detached_head_has_no_branch(work_tree: Path) -> None:
    git(work_tree, "checkout", "--quiet", "--detach")

    assert "mlflow.source.git.branch" not in git_tags(work_tree, budget_s=30)


def test_a_folder_in_no_work_tree_has_no_tags(tmp_path: Path) -> None:
    assert git_tags(tmp_path, budget_s=30) == {}


def test_without_git_there_are_no_tags(
    work_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert git_tags(work_tree, budget_s=30) == {}


def test_a_git_that_hangs_is_not_waited_for(
    work_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(slow.parent), prepend=os.pathsep)
    start = time.monotonic()

    tags = git_tags(work_tree, budget_s=0.2)

    assert tags == {}
    assert time.monotonic() - start < 10


def test_names_program_kind_user_and_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "--lr=1"])
    monkeypatch.setenv("LOGNAME", "ada")
    monkeypatch.chdir(tmp_path)

    tags = source_tags()

    assert tags == {
        "mlflow.source.name": "train.py",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": "ada",
        "runstream.host": os.uname().nodename,
    }
