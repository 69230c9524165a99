"""From a request to samples: which model and seed, the loops of sampling, the dream's file."""
