"""The server process of the intake bench."""

import sys

from ops.bench.intake import serve

serve(int(sys.argv[1]))
