"""Searches: filters and orders as conditions of a query, and pages that stay where they are.

A page ends with a token that holds where in the order it ended, so that what is inserted or
deleted between two pages moves nothing else.
"""
