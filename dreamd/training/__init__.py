"""From recordings to weights: whose turn it is, a step of learning, how much of the machine."""
