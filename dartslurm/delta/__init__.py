"""What changed: digests, and the copy aside of the chunks that the store does not have yet."""
