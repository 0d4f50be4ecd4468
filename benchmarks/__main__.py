"""Run every benchmark in turn: `python -m benchmarks`, or `make bench`."""

from benchmarks import fresh, load, reports
from benchmarks.reads import __main__ as reads
from benchmarks.reads import scale

for benchmark in (load, reports, fresh, reads, scale):
    benchmark.main()
