"""A job whose server is killed under it: what it logs takes no longer, and is not lost."""

import os
import signal
import time

import mlflow

mlflow.set_experiment("outage")
run = mlflow.start_run()
mlflow.log_metric("m", 0, step=0, synchronous=False).wait()
os.kill(int(os.environ["SERVER_PID"]), signal.SIGKILL)
began = time.monotonic()
for step in range(1, 1000):
    mlflow.log_metric("m", step, step=step, synchronous=False)
took = time.monotonic() - began
assert took < 10, took
print(run.info.run_id, flush=True)
os._exit(0)  # not even the end of the run is said
