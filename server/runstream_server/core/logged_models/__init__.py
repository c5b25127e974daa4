"""Logged models: what runs made, with params, tags, points and a folder of artifacts."""

from runstream_server.core.logged_models.models import LoggedModels
from runstream_server.core.logged_models.searching import ModelOrder, ModelSearch
from runstream_server.core.logged_models.values import LoggedModel, ModelStatus, NewModel

__all__ = ["LoggedModel", "LoggedModels", "ModelOrder", "ModelSearch", "ModelStatus", "NewModel"]
