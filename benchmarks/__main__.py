"""Run every benchmark: `python -m benchmarks`, or `make bench`."""

from benchmarks.load import main

main()
