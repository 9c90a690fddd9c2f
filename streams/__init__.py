"""How it runs: the topology, the data plane, and the ways in and out."""
