"""Object state: one object graph to a pickled stream and leaf buffers, and back in another process."""
