"""Turns log into blocks, merges small blocks, and removes what is no longer needed."""
