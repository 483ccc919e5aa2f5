"""Pictures as arrays: files, grids, charts. Needs no torch."""
