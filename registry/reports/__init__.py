"""Reports: the catalogue of built-in and custom reports, saved runs, and rendering."""
