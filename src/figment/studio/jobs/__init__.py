"""Work that outlives the process which does it: a queue on disk, workers that take jobs from it, kinds of jobs."""
