"""A migration that has nothing to do."""

import sys

sys.stdout.write(f"{sys.argv[1]} has its schema\n")
