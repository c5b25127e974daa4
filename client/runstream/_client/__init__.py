"""What `Client` and `AsyncClient` share: every RPC's request, answer and rule is here once.

| module | holds |
| --- | --- |
| `calls` | what can be executed: a call, pages of calls, a stream to collect |
| `experiments`, `runs`, `metrics`, `artifacts`, `info` | what makes an RPC's call of arguments |
| `inputs`, `models` | the same for datasets and logged models |
| `methods` | makes methods of those functions; each client executes what they return |
| `convert`, `columns` | from messages and their bytes to `runstream.entities` |
| `failures`, `retries`, `channels` | errors, pauses, connections |
| `uploads`, `downloads` | files, as far as it does not matter who waits for what |
"""
