"""``dreamd run``, the process a performer starts: hears OSC, keeps the queue, minds the workers."""
