"""The wire: OSC messages as plain values, the socket, a client."""
