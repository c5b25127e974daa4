"""Turns the name in front of an operator or in an order_by clause into a field."""

import re

from runstream_server.core.filters.errors import FilterError, shown
from runstream_server.core.filters.grammar import DATASET_NAMES, Dialect, Entity, Target
from runstream_server.core.filters.lexer import Part, TokenKind
from runstream_server.core.filters.nodes import Attribute, Dataset, Field, Metric, Param, Tag
from runstream_server.core.filters.reader import TokenReader

# What MLflow's tokenizer takes for something else than a piece of a key.
_MLFLOW_NOT_BARE = re.compile(r"[0-9]+|(?ai:case|in|values|using|from|as)|.*[/:@-].*", re.DOTALL)


def take_field(reader: TokenReader, *, sorting: bool = False) -> Field:
    """Take the next token as a field; `sorting` says that it stands in an order_by clause.

    Raises:
        FilterError: It is no name, or names nothing that can be searched or sorted by here.
    """
    return _FieldReader(reader, sorting=sorting).field()


class _FieldReader:
    def __init__(self, reader: TokenReader, *, sorting: bool) -> None:
        self._reader = reader
        self._grammar = reader.grammar
        self._token = reader.take()
        self._sorting = sorting

    def field(self) -> Field:
        token = self._token
        if token.kind not in {TokenKind.NAME, TokenKind.STRING} or token.parts[0].quote == "'":
            raise self._refusal(
                f"Expected 'Identifier' found {shown(token.text)}",
                expected="a field" if self._sorting else "a field left of an operator",
            )
        if len(token.parts) == 1:
            return self._attribute(self._key(token.parts))
        entity = self._entity(token.parts[0])
        return self._field_of(entity, self._key(token.parts[1:]))

    def _entity(self, part: Part) -> Entity:
        entity = self._grammar.entities.get(part.text)
        if entity is None or part.quote not in {"", "`"}:
            raise self._refusal(
                f"Invalid entity type {shown(part.text)}",
                expected=f"one of {', '.join(self._grammar.entities)} in front of the dot",
            )
        if self._sorting and entity not in self._grammar.sortable:
            raise self._refusal(
                f"Invalid identifier type '{entity}' in an order_by clause",
                expected=" or ".join(f"{name}s" for name in sorted(self._grammar.sortable)),
            )
        return entity

    def _key(self, parts: tuple[Part, ...]) -> str:
        if len(parts) > 1 and any(part.quote for part in parts):
            raise self._refusal(
                f"{self._reader.blame}: a piece of the key in quotes, {shown(self._token.text)}",
                expected="quotes around the whole key or none",
            )
        key = ".".join(part.text for part in parts)
        if not key:
            raise self._refusal(
                f"{self._reader.blame}: an empty key in {shown(self._token.text)}",
                expected="a key of at least one character",
            )
        if self._grammar.dialect is Dialect.MLFLOW:
            self._require_quotes_of_mlflow(parts)
        return key

    def _require_quotes_of_mlflow(self, parts: tuple[Part, ...]) -> None:
        bare = (part.text for part in parts if not part.quote)
        if wrong := next((text for text in bare if _MLFLOW_NOT_BARE.fullmatch(text)), None):
            raise self._refusal(
                f"{self._reader.blame}: {shown(wrong)} is not a key without quotes",
                expected="such a key in backquotes",
            )

    def _field_of(self, entity: Entity, key: str) -> Field:
        position = self._token.position
        match entity:
            case Entity.METRIC:
                return Metric(key, position=position)
            case Entity.PARAM:
                return Param(key, position=position)
            case Entity.TAG:
                return Tag(key, position=position)
            case Entity.DATASET:
                return self._dataset(key)
            case Entity.ATTRIBUTE:
                return self._attribute(key)

    def _dataset(self, name: str) -> Dataset:
        if name not in DATASET_NAMES:
            raise self._refusal(
                f"Invalid dataset key {shown(name)}", expected=f"one of {', '.join(DATASET_NAMES)}"
            )
        return Dataset(name, position=self._token.position)

    def _attribute(self, name: str) -> Attribute:
        grammar = self._grammar
        aliases = grammar.order_aliases if self._sorting else grammar.aliases
        canonical = aliases.get(name, name)
        kind = grammar.attributes.get(canonical)
        if kind is None:
            raise self._unknown_attribute(name)
        return Attribute(canonical, kind, position=self._token.position)

    def _unknown_attribute(self, name: str) -> FilterError:
        if name == "lifecycle_stage":
            return self._refusal(
                "Invalid attribute key 'lifecycle_stage'",
                expected="the request's view type to choose between active and deleted",
            )
        of_experiments = self._grammar.target is Target.EXPERIMENTS
        keys = "tags." if of_experiments else "metrics., params. or tags."
        return self._refusal(
            f"Invalid attribute key {shown(name)}",
            expected=f"one of {', '.join(self._grammar.attributes)}; keys go behind {keys}",
        )

    def _refusal(self, problem: str, *, expected: str) -> FilterError:
        example = self._grammar.order_example if self._sorting else self._grammar.example
        return self._reader.refusal(problem, self._token, expected, example)
