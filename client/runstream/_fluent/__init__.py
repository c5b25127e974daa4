"""What a training process calls. Everything goes into the spool; nothing here waits for a server.

| module | holds |
| --- | --- |
| `api` | the functions of `import runstream` |
| `session` | what this process has set: tracking URI, experiment, its runs |
| `starting` | from the arguments of `start_run` to a run |
| `run` | the run itself |
| `launch` | rank and job, as the launcher tells them |
| `source` | the tags that say what code ran, by whom and where |
| `params`, `artifacts` | what may be logged, checked and made ready |
| `operations` | the records that the spool gets |
| `delivery` | the shipper, and the wait at a run's end |
| `exits` | what becomes of open runs when the process ends |
"""
