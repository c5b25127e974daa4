"""The door for browsers: the pages of the web UI, and artifacts in a form that can do no harm.

All else that the UI asks for it asks of the services of gRPC, by the Connect protocol.
"""
