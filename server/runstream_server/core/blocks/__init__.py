"""Sealed history: compressed columns, the envelopes over them, and the process that makes both."""
