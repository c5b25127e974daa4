"""Gives back what was logged: exactly, summed up, or as charts, from blocks and the tail of the log
alike.
"""
