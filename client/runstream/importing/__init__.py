"""Moves what another tracking store holds to a server, through the server's public API alone.

A `Source` reads a store; `Importer` carries what it reads to a server, in an order and under ids
that make every step repeatable: an import that was stopped at any moment is started again, and one
that is complete does nothing.
"""
