"""The MLflow plugin: `mlflow.set_tracking_uri("grpc://host:50051")` speaks gRPC to runstream.

MLflow finds it by its entry points, for the schemes `grpc` and `grpcs`; nothing here is imported
otherwise. It needs MLflow 3: `pip install 'runstream[mlflow]'`.
"""
