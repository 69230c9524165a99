"""The folder with everything that was made: checkpoints, dreams, the lock, the log."""
