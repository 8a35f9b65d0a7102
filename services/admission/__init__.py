"""Who is let in: what was taken of each limit, in this process or over all workers."""
