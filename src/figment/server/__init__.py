"""The studio over HTTP: it checks, queues and shows; workers in other processes do the work."""
