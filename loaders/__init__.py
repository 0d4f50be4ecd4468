"""Data import: the sources, and the pipeline that loads their records into the registry."""
