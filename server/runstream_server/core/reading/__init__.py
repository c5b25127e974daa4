"""Gives back what was logged, sealed or not: exactly, summed up, or as charts."""
