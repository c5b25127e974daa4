"""`python -m runstream_server`: the server's commands without the client's."""

import sys

from runstream_server.cli import main

sys.exit(main())
