"""The door to the scheduler: submit, supervise, requeue, and reach a job's Python."""
