"""The object store that holds artifact bytes."""
