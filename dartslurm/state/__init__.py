"""Object state: an object graph to a stream and leaf buffers, and back in another process."""
