"""Data import: the sources, and the pipeline that loads them."""
