"""MLflow's tracking REST API: reads requests, calls the core, writes answers in MLflow's form.

A subject is a class that gets its core parts and has `endpoints()`; see `routing` for how they
become routes, `shapes` for how requests are read, `errors` for how they are refused.
"""
