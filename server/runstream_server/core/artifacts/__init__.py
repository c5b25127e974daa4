"""Artifacts: the files of runs and logged models.

The object store is the truth for what exists. The database adds which uploads are complete, and
the digests of what came through them; nothing that a listing could not do without.
"""
