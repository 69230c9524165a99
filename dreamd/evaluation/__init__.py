"""Is it a good dream? The paper's criteria and liveliness, as numbers and as a page."""
