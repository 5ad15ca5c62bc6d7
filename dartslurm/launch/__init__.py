"""Inside the job: start a program or let it go on, watch it, and end as it ends."""
