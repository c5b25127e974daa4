"""The rules of runs, metrics and artifacts, the same for every door and every backend."""
