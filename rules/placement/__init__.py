"""FGL2xx: sharded values in forward, and sizes that do not divide."""
