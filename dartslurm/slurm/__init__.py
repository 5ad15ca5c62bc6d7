"""The door to the scheduler: submit, supervise, requeue, and get the runtime into a job's Python."""
